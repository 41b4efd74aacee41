"""SQL to lineage: statements, procedures, TPC queries; how it is drawn and asked for."""
