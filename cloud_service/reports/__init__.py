"""What the history says about a period: charges, energy, revenue, and how much the points were used."""
