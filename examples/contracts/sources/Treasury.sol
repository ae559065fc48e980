// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import "./Upgradeable.sol";

/// Holds the fees of all networks, on the one where they are collected.
contract Treasury is Upgradeable {
    address public token;

    event Paid(address indexed to, uint256 value);

    function initialize(address first, address itsToken) external {
        initializeFor(first);
        token = itsToken;
    }

    function pay(address payable to, uint256 value) external onlyOwner {
        emit Paid(to, value);
        (bool ok, ) = to.call{value: value}("");
        require(ok, "not paid");
    }
}
