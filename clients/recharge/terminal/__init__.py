"""What a person at a terminal sees and types, in English or in Brazilian Portuguese."""
