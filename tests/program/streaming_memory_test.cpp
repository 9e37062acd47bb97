// Bodies stream: whatever their size, and however slow either end is, the process holds a few pieces of them.
//
// What is measured is the process's peak memory. The bodies are made and thrown away as they go; nothing here depends
// on how long it takes, but for the time after which it is taken for a hang.

#include "tests/support/memory_loads.hpp"

#include <doctest/doctest.h>

#include <poll.h>
#include <sys/socket.h>

using namespace callcache::test;
using std::chrono::steady_clock;

namespace
{

constexpr std::uint64_t upload_bytes = 1'500'000'000, download_bytes = 1'000'000'000;
constexpr double above_idle_max = 32;                  // MB
constexpr std::uint64_t read_ahead_max = 128'000'000;  // what both kernels may hold for one connection is far below
constexpr auto hang = std::chrono::seconds(120);       // for each test
constexpr int stalled = 500;                           // milliseconds in which nothing could be written
const std::string piece(64 << 10, 'x');

// callcache that has answered something already, and how much memory it has then.
struct idle_proxy
{
    explicit idle_proxy(const std::string& url) :
        served(url, folder.file("cache.db"), {"--set", "budget.rate=100", "--set", "budget.burst=100"})
    {
        REQUIRE(served.port != 0);
        CHECK(plain_client(served.port).get("/v2/calls/undefined", authorization).status == 400);
        idle = megabytes(served.process, "VmRSS");
    }
    double peak_above_idle() const { return megabytes(served.process, "VmHWM") - idle; }

    static inline const std::string authorization = sim::basic("key", "secret");
    temp_folder folder;
    serving served;
    double idle = 0;
};

std::string head(const std::string& line, const std::string& further)
{
    return line + " HTTP/1.1\r\nHost: localhost\r\nAuthorization: " + idle_proxy::authorization + "\r\n" + further +
           "\r\n";
}

bool send_all(const loopback_socket& s, std::string_view text)
{
    while (!text.empty())
    {
        ssize_t n = send(s.fd, text.data(), text.size(), MSG_NOSIGNAL);
        if (n <= 0) return false;
        text.remove_prefix(std::size_t(n));
    }
    return true;
}

// Until the end of a head, which is all that there is to read then.
std::string read_head(const loopback_socket& s)
{
    std::string text;
    for (char c; text.find("\r\n\r\n") == std::string::npos && recv(s.fd, &c, 1, 0) == 1;) text += c;
    return text;
}

// How many bytes have come: as many as were asked for, or fewer at the end or after a hang.
std::uint64_t read_bytes(const loopback_socket& s, std::uint64_t wanted)
{
    auto deadline = steady_clock::now() + hang;
    std::uint64_t come = 0;
    for (std::string room(256 << 10, '\0'); come < wanted && steady_clock::now() < deadline;)
    {
        ssize_t n = recv(s.fd, room.data(), std::size_t(std::min<std::uint64_t>(room.size(), wanted - come)), 0);
        if (n <= 0) break;
        come += std::uint64_t(n);
    }
    return come;
}

// Writes until the other end takes nothing any more, or has taken more than it may.
std::uint64_t write_until_stalled(const loopback_socket& s)
{
    std::uint64_t taken = 0;
    for (pollfd p{s.fd, POLLOUT, 0}; taken <= read_ahead_max && poll(&p, 1, stalled) > 0;)
    {
        ssize_t n = send(s.fd, piece.data(), piece.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n <= 0) break;
        taken += std::uint64_t(n);
    }
    return taken;
}

sim::vendor_options vendor_for_bytes()
{
    sim::vendor_options o;
    o.keys[idle_proxy::authorization] = {};
    o.limits = {0, 0};
    return o;
}

}  // namespace

TEST_SUITE_BEGIN("program");

TEST_CASE("streaming: an upload of 1.5 GB, sized or chunked, takes less than 32 MB above idle")
{
    vendor_thread vendor(vendor_for_bytes());
    idle_proxy p(vendor.url());
    bool chunked = false;
    SUBCASE("sized") {}
    SUBCASE("chunked")
    {
        chunked = true;
    }
    auto deadline = steady_clock::now() + hang;
    auto tool = loopback_socket::connected(p.served.port);
    tool.give_up_after(60);
    std::string framing =
        chunked ? "Transfer-Encoding: chunked\r\n" : "Content-Length: " + std::to_string(upload_bytes) + "\r\n";
    REQUIRE(send_all(tool, head("PUT /v2/calls/1/media", framing)));
    const std::string chunk = "10000\r\n" + piece + "\r\n";
    std::uint64_t sent = 0;
    for (bool good = true; good && sent < upload_bytes && steady_clock::now() < deadline;)
    {
        std::uint64_t size = std::min<std::uint64_t>(piece.size(), upload_bytes - sent);
        if (!chunked)
            good = send_all(tool, std::string_view(piece).substr(0, size));
        else if (size == piece.size())
            good = send_all(tool, chunk);
        else
        {
            char line[16];
            std::snprintf(line, sizeof line, "%x\r\n", unsigned(size));
            good = send_all(tool, line + piece.substr(0, size) + "\r\n");
        }
        if (good) sent += size;
    }
    CHECK(sent == upload_bytes);
    if (chunked) CHECK(send_all(tool, "0\r\n\r\n"));
    std::string answered = read_head(tool);
    INFO(answered);
    CHECK(answered.starts_with("HTTP/1.1 200"));
    std::string body(300, '\0');
    body.resize(std::size_t(std::max<ssize_t>(0, recv(tool.fd, body.data(), body.size(), 0))));
    CHECK(body.find("\"size\":" + std::to_string(upload_bytes)) != std::string::npos);
    MESSAGE("idle ", p.idle, " MB, peak ", p.peak_above_idle(), " MB above it");
    CHECK(p.peak_above_idle() < above_idle_max);
}

TEST_CASE("streaming: an answer of 1 GB takes less than 32 MB above idle")
{
    vendor_thread vendor(vendor_for_bytes());
    idle_proxy p(vendor.url());
    auto tool = loopback_socket::connected(p.served.port);
    tool.give_up_after(60);
    REQUIRE(send_all(tool, head("GET /v2/bytes?n=" + std::to_string(download_bytes), "")));
    CHECK(read_head(tool).find("Content-Length: " + std::to_string(download_bytes)) != std::string::npos);
    CHECK(read_bytes(tool, download_bytes) == download_bytes);
    MESSAGE("idle ", p.idle, " MB, peak ", p.peak_above_idle(), " MB above it");
    CHECK(p.peak_above_idle() < above_idle_max);
}

TEST_CASE("streaming: what a tool does not read is not read from the vendor either, and comes when it reads on")
{
    auto vendor = loopback_socket::listening();
    vendor.give_up_after(20);
    idle_proxy p("http://127.0.0.1:" + std::to_string(vendor.port()));
    auto tool = loopback_socket::connected(p.served.port);
    tool.give_up_after(20);
    REQUIRE(send_all(tool, head("GET /v2/long", "")));
    auto upstream = vendor.accept();
    upstream.give_up_after(20);
    REQUIRE(read_head(upstream).starts_with("GET /v2/long HTTP/1.1"));
    REQUIRE(send_all(upstream, "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(download_bytes) + "\r\n\r\n"));
    std::uint64_t taken = write_until_stalled(upstream);
    MESSAGE("the vendor could write ", taken, " bytes; peak ", p.peak_above_idle(), " MB above idle");
    CHECK(taken < read_ahead_max);
    CHECK(p.peak_above_idle() < above_idle_max);
    CHECK(read_head(tool).starts_with("HTTP/1.1 200"));
    CHECK(read_bytes(tool, taken) == taken);
    CHECK(write_until_stalled(upstream) > 0);
}

TEST_CASE("streaming: what the vendor does not read is not read from the tool either, and goes on when it reads on")
{
    auto vendor = loopback_socket::listening();
    vendor.give_up_after(20);
    idle_proxy p("http://127.0.0.1:" + std::to_string(vendor.port()));
    auto tool = loopback_socket::connected(p.served.port);
    tool.give_up_after(20);
    REQUIRE(send_all(tool, head("PUT /v2/calls/1/media", "Content-Length: " + std::to_string(upload_bytes) + "\r\n")));
    auto upstream = vendor.accept();
    upstream.give_up_after(20);
    REQUIRE(read_head(upstream).starts_with("PUT /v2/calls/1/media HTTP/1.1"));
    std::uint64_t taken = write_until_stalled(tool);
    MESSAGE("the tool could write ", taken, " bytes; peak ", p.peak_above_idle(), " MB above idle");
    CHECK(taken < read_ahead_max);
    CHECK(p.peak_above_idle() < above_idle_max);
    CHECK(read_bytes(upstream, taken) == taken);
    CHECK(write_until_stalled(tool) > 0);
}

TEST_SUITE_END();
