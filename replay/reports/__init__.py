"""How results are shown: text, JSON, JUnit, HTML."""
