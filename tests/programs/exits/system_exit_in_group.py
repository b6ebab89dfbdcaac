raise BaseExceptionGroup("g", [SystemExit(4)])
