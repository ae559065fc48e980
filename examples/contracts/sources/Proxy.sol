// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// The address that users know. What it does is decided by the implementation, whose address stands in EIP-1967's slot.
contract Proxy {
    bytes32 private constant SLOT = bytes32(uint256(keccak256("eip1967.proxy.implementation")) - 1);

    constructor(address implementation, bytes memory initializer) payable {
        require(implementation.code.length > 0, "no code at the implementation");
        bytes32 slot = SLOT;
        assembly {
            sstore(slot, implementation)
        }
        (bool ok, bytes memory reason) = implementation.delegatecall(initializer);
        if (!ok) {
            assembly {
                revert(add(reason, 32), mload(reason))
            }
        }
    }

    fallback() external payable {
        bytes32 slot = SLOT;
        assembly {
            calldatacopy(0, 0, calldatasize())
            let ok := delegatecall(gas(), sload(slot), 0, calldatasize(), 0, 0)
            returndatacopy(0, 0, returndatasize())
            switch ok
            case 0 { revert(0, returndatasize()) }
            default { return(0, returndatasize()) }
        }
    }

    receive() external payable {}
}
