// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import "./Upgradeable.sol";

/// Says which bridge leads to a network.
contract Router is Upgradeable {
    address public bridge;
    bool public paused;

    function initialize(address first, address itsBridge) external {
        initializeFor(first);
        bridge = itsBridge;
    }

    function pause(bool whether) external onlyOwner {
        paused = whether;
    }

    function route() external view returns (address) {
        require(!paused, "paused");
        return bridge;
    }
}
