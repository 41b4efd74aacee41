"""What one can try Andon with: the demo estate (`examples.shop`) and rules (`examples/rules/`)."""
