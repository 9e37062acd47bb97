// Requests as the simulated vendor reads them off its connections.
#pragma once

#include "server/async/net.hpp"

#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace sim
{

using namespace callcache;

struct connection
{
    explicit connection(tcp_socket s) : socket(std::move(s)) {}

    tcp_socket socket;
    std::unique_ptr<asio::ssl::stream<tcp_socket&>> tls;
    bool idle = true;
    std::size_t number = 0;

    task<std::pair<error_code, std::size_t>> read(std::span<char> room)
    {
        auto buffer = asio::buffer(room.data(), room.size());
        if (tls)
        {
            auto [e, n] = co_await tls->async_read_some(buffer, as_result);
            co_return std::pair{e, n};
        }
        auto [e, n] = co_await socket.async_read_some(buffer, as_result);
        co_return std::pair{e, n};
    }
    task<error_code> write(std::string_view text)
    {
        auto buffer = asio::buffer(text.data(), text.size());
        if (tls)
        {
            auto [e, n] = co_await asio::async_write(*tls, buffer, as_result);
            co_return e;
        }
        auto [e, n] = co_await asio::async_write(socket, buffer, as_result);
        co_return e;
    }
    void close()
    {
        error_code ignored;
        socket.close(ignored);
    }
    void reset()
    {
        error_code ignored;
        socket.set_option(asio::socket_base::linger(true, 0), ignored);
        socket.close(ignored);
    }
};
using connection_ptr = std::shared_ptr<connection>;

struct sim_request
{
    std::string head, method, path, query, authorization;
    std::string body;        // as much of it as is kept
    std::string framed;      // likewise, but more of it: as it came, with chunk sizes and trailers
    std::uint64_t size = 0;  // of all of it
    std::uint32_t sum = 0;   // of its bytes
    bool close = false;
};

// The next one; nothing if the connection ends, or what comes is none. `in` is what was received and not used yet.
// `without_body`: of which requests, by path, the body is not read.
task<std::optional<sim_request>> read_request(connection_ptr, std::string& in,
                                              std::function<bool(const std::string& path)> without_body);

}  // namespace sim
