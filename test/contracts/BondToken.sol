// SPDX-License-Identifier: PostgreSQL
pragma solidity 0.8.30;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";

/// A tokenised bond for dalp's demo and tests: the issuer sets its terms once
/// and mints units for holders, up to a cap.  Nothing here stops a mint that is
/// sent twice: that is dalp's promise, and the balance would show it.
contract BondToken is ERC20, Ownable {
    uint8 private immutable _decimals;

    /// Most units there may ever be.
    uint256 public cap;
    /// Seconds since 1970; 0 until the terms are set.
    uint64 public maturity;
    /// Yearly coupon in hundredths of a percent.
    uint32 public couponBasisPoints;

    event Configured(uint256 cap, uint64 maturity, uint32 couponBasisPoints);

    error NotConfigured();
    error AlreadyConfigured();
    error MaturityInThePast(uint64 maturity, uint64 time);
    error CapExceeded(uint256 requested, uint256 cap);

    constructor(string memory name_, string memory symbol_, uint8 decimals_, address owner_)
        ERC20(name_, symbol_)
        Ownable(owner_)
    {
        _decimals = decimals_;
    }

    function decimals() public view override returns (uint8) {
        return _decimals;
    }

    /// Sets the terms of the bond, once.
    function configure(uint256 cap_, uint64 maturity_, uint32 couponBasisPoints_) external onlyOwner {
        if (maturity != 0) revert AlreadyConfigured();
        if (maturity_ <= block.timestamp) revert MaturityInThePast(maturity_, uint64(block.timestamp));
        cap = cap_;
        maturity = maturity_;
        couponBasisPoints = couponBasisPoints_;
        emit Configured(cap_, maturity_, couponBasisPoints_);
    }

    /// Creates units for a holder.
    function mint(address to, uint256 amount) external onlyOwner {
        if (maturity == 0) revert NotConfigured();
        if (totalSupply() + amount > cap) revert CapExceeded(totalSupply() + amount, cap);
        _mint(to, amount);
    }
}
