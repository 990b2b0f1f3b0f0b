"""Made-up conversations as stream records: what is asked, who talks, when, what, what is broken, and the lines."""
