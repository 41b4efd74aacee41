"""What one can try Andon with: the demo estate (`examples.shop`), questions about it (`examples.questions`), rules."""
