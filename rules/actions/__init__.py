"""What rules can do to the outside world: one module an action, all behind the port in `delivery`."""
