"""A table of any schema under exploration: its keys are the template's, its rules the user's.

The oracle knows the messages table only, so it is silent here. What must hold is what the user states, and of itself:
answers are lawful, quiet is reached, and what is delivered again once everything was taken leaves every row as it is.
The index is the endpoint's: it is never behind.
"""
