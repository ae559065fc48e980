// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// What every implementation has: an owner, one initialization, and a way to another implementation.
abstract contract Upgradeable {
    bytes32 private constant SLOT = bytes32(uint256(keccak256("eip1967.proxy.implementation")) - 1);

    address public owner;
    bool private initialized;

    event Upgraded(address indexed implementation);

    modifier onlyOwner() {
        require(msg.sender == owner, "not the owner");
        _;
    }

    /// Nobody initializes an implementation itself: it is used through its proxy only.
    constructor() {
        initialized = true;
    }

    function initializeFor(address first) internal {
        require(!initialized, "initialized before");
        require(first != address(0), "no owner");
        initialized = true;
        owner = first;
    }

    function upgradeTo(address implementation) external onlyOwner {
        require(implementation.code.length > 0, "no code at the implementation");
        bytes32 slot = SLOT;
        assembly {
            sstore(slot, implementation)
        }
        emit Upgraded(implementation);
    }
}
