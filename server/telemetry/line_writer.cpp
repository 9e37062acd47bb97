#include "server/telemetry/line_writer.hpp"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <climits>

namespace callcache
{
namespace
{

// Whole lines, as many as a pipe takes at once; of a line that is longer, the part that it does take.
std::string_view next_piece(std::string_view lines)
{
    const std::string_view piece = lines.substr(0, PIPE_BUF);
    const std::size_t last_end = piece.rfind('\n');
    return last_end == std::string_view::npos ? piece : piece.substr(0, last_end + 1);
}

}  // namespace

bool write_lines(int descriptor, std::string_view lines) noexcept
{
    while (!lines.empty())
    {
        const std::string_view piece = next_piece(lines);
        const ssize_t written = ::write(descriptor, piece.data(), piece.size());
        if (written >= 0)
            lines.remove_prefix(std::size_t(written));
        else if (errno == EAGAIN)  // another process that shares it has set O_NONBLOCK
        {
            pollfd room{descriptor, POLLOUT, 0};
            poll(&room, 1, -1);
        }
        else if (errno != EINTR)
            return false;
    }
    return true;
}

}  // namespace callcache
