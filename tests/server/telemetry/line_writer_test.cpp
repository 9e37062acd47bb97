#include "server/telemetry/line_writer.hpp"

#include <doctest/doctest.h>

#include <climits>
#include <csignal>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

using namespace callcache;

namespace
{

struct pipe_ends
{
    explicit pipe_ends(int flags)
    {
        int ends[2];
        if (pipe2(ends, flags | O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
        to_read = ends[0];
        to_write = ends[1];
    }
    ~pipe_ends()
    {
        close_reader();
        close_writer();
    }
    void close_reader()
    {
        if (to_read >= 0) close(std::exchange(to_read, -1));
    }
    void close_writer()
    {
        if (to_write >= 0) close(std::exchange(to_write, -1));
    }

    // One read; empty at the end.
    std::string read() const
    {
        std::string room(1 << 16, '\0');
        ssize_t n = ::read(to_read, room.data(), room.size());
        room.resize(n > 0 ? std::size_t(n) : 0);
        return room;
    }

    int to_read = -1, to_write = -1;
};

std::string numbered_lines(std::size_t count, std::size_t length)
{
    std::string text;
    for (std::size_t i = 0; i < count; ++i)
    {
        std::string line = std::to_string(i);
        text += line.append(length - 1 - line.size(), 'x') + "\n";
    }
    return text;
}

}  // namespace

TEST_SUITE_BEGIN("threads: writing lines");

TEST_CASE("writing lines: each write is of whole lines, and no longer than what a pipe takes undivided")
{
    // In a pipe of this kind what one write brought is what one read gets.
    pipe_ends p(O_DIRECT);
    constexpr std::size_t count = 100, length = 300, in_a_piece = PIPE_BUF / length;
    const std::string lines = numbered_lines(count, length);
    REQUIRE(write_lines(p.to_write, lines));
    std::size_t pieces = 0;
    for (std::string all; all != lines; ++pieces)
    {
        const std::string piece = p.read();
        all += piece;
        CHECK(piece.size() <= PIPE_BUF);
        CHECK(piece.back() == '\n');
        REQUIRE(lines.starts_with(all));
    }
    CHECK(pieces == (count + in_a_piece - 1) / in_a_piece);
}

TEST_CASE("writing lines: one that is longer than that is written too, and the next one begins anew")
{
    pipe_ends p(O_DIRECT);
    const std::string longest = numbered_lines(1, 2 * PIPE_BUF + 100), next = numbered_lines(2, 100);
    REQUIRE(write_lines(p.to_write, longest + next));
    std::string all;
    while (all.size() < longest.size() + next.size()) all += p.read();
    CHECK(all == longest + next);
}

TEST_CASE("writing lines: a descriptor that somebody made non-blocking is waited for all the same")
{
    pipe_ends p(O_NONBLOCK);
    const std::string lines = numbered_lines(2000, 300);  // more than the pipe holds
    fcntl(p.to_read, F_SETFL, 0);
    bool well = false;
    std::thread writer([&] {
        well = write_lines(p.to_write, lines);
        p.close_writer();
    });
    std::string all;
    for (std::string piece = p.read(); !piece.empty(); piece = p.read()) all += piece;
    writer.join();
    CHECK(well);
    CHECK(all == lines);
}

TEST_CASE("writing lines: where nobody will ever read it fails")
{
    auto before = std::signal(SIGPIPE, SIG_IGN);
    pipe_ends p(0);
    p.close_reader();
    CHECK_FALSE(write_lines(p.to_write, "lost\n"));
    std::signal(SIGPIPE, before);
}

TEST_SUITE_END();
