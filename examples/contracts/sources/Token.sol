// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import "./Upgradeable.sol";

/// The coin of one network. Only the bridge makes and destroys it.
contract Token is Upgradeable {
    string public name;
    string public symbol;
    uint256 public totalSupply;
    address public bridge;
    mapping(address => uint256) public balanceOf;

    event Transfer(address indexed from, address indexed to, uint256 value);

    function initialize(address first, string memory itsName, string memory itsSymbol) external {
        initializeFor(first);
        name = itsName;
        symbol = itsSymbol;
    }

    function setBridge(address its) external onlyOwner {
        bridge = its;
    }

    function transfer(address to, uint256 value) external returns (bool) {
        balanceOf[msg.sender] -= value;
        balanceOf[to] += value;
        emit Transfer(msg.sender, to, value);
        return true;
    }

    function mint(address to, uint256 value) external {
        require(msg.sender == bridge, "not the bridge");
        totalSupply += value;
        balanceOf[to] += value;
        emit Transfer(address(0), to, value);
    }

    function burn(address from, uint256 value) external {
        require(msg.sender == bridge, "not the bridge");
        balanceOf[from] -= value;
        totalSupply -= value;
        emit Transfer(from, address(0), value);
    }
}
