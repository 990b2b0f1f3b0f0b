"""What is right: oracle, invariants, exploration, verification of a real table."""
