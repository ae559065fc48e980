// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import "./Upgradeable.sol";

interface IToken {
    function burn(address from, uint256 value) external;
}

/// One end of the way between two networks; it knows the bridge at each other end.
contract Bridge is Upgradeable {
    address public token;
    mapping(uint256 => address) public peers;

    event Sent(uint256 indexed chain, address indexed to, uint256 value);

    function initialize(address first, address itsToken) external {
        initializeFor(first);
        token = itsToken;
    }

    function setPeer(uint256 chain, address peer) external onlyOwner {
        require(chain != block.chainid, "a network is not its own peer");
        peers[chain] = peer;
    }

    function send(uint256 chain, address to, uint256 value) external {
        require(peers[chain] != address(0), "no peer on that network");
        IToken(token).burn(msg.sender, value);
        emit Sent(chain, to, value);
    }
}
