"""What customers pay."""


def total(price: int, count: int, discount: int = 0) -> int:
    """The price of so many, less a discount, in cents."""
    return price * count + discount
