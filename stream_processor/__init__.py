"""The Lambda function: keeps every member's group row at the conversation's newest message."""
