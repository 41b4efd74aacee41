"""The page in a real browser, against a real service with the demo estate loaded."""
