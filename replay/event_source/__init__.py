"""Between stream and function: records, filters, the mapping's parameters, delivery, destinations."""
