"""Minutes of reconciliation as documents: one content, printed as PDF and as a workbook."""
