// How much a line of the log matters; the numbers are Pino's.
#pragma once

namespace executor {

enum class LogLevel { info = 30, warn = 40, error = 50 };

}  // namespace executor
