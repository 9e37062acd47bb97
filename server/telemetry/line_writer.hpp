// Writes the log's lines to a descriptor that others may write to as well.
#pragma once

#include <string_view>

namespace callcache
{

// Writes all of `lines`, each of which has its end, and waits for room as long as that takes. No other process's text
// comes between two halves of a line, if the descriptor is a pipe's and the line is not longer than PIPE_BUF. False: an
// error, such as that nobody will ever read; a part of it may be written.
bool write_lines(int descriptor, std::string_view lines) noexcept;

}  // namespace callcache
