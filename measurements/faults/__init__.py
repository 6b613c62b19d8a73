"""The report: what each fault does to the VIP and its clients, with the guard and without, in figures and pictures."""
