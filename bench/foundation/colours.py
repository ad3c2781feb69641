"""Okabe and Ito's colours, which colour-blind readers can distinguish. Every figure takes its colours from here."""

OKABE_ITO = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
