// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import "./Upgradeable.sol";

/// What a transfer to another network costs.
contract FeeManager is Upgradeable {
    uint256 public basisPoints;

    function initialize(address first, uint256 itsBasisPoints) external {
        initializeFor(first);
        setBasisPointsTo(itsBasisPoints);
    }

    function setBasisPoints(uint256 its) external onlyOwner {
        setBasisPointsTo(its);
    }

    function feeOf(uint256 value) external view returns (uint256) {
        return (value * basisPoints) / 10_000;
    }

    function setBasisPointsTo(uint256 its) private {
        require(its <= 1_000, "more than ten per cent");
        basisPoints = its;
    }
}
