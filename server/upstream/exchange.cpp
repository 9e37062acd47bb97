#include "server/upstream/exchange.hpp"

#include "server/http/head_guard.hpp"

#include <boost/asio/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <array>
#include <optional>

namespace callcache
{
namespace
{

namespace http = boost::beast::http;
using failing = upstream_failure::kind;
using answer_parser = http::response_parser<http::string_body>;

constexpr std::size_t head_bytes_max = 64 << 10;
constexpr int interim_answers_max = 8;  // 1xx before the final answer

exchanged failed(failing what, std::string text)
{
    return {upstream_failure{what, std::move(text)}, false};
}

std::vector<field_view> views(const answer_parser::value_type& message)
{
    std::vector<field_view> list;
    for (const auto& f : message)
        list.push_back({{f.name_string().data(), f.name_string().size()}, {f.value().data(), f.value().size()}});
    return list;
}

// Reads one message's head into `buffer`, and no more than the connection gives with it.
struct head_reader
{
    transport& connection;
    std::string& buffer;
    const std::function<void()>& begins;

    // The head's size, or why there is none.
    task<std::variant<std::size_t, upstream_failure>> read()
    {
        head_scanner scanner(head_kind::response, head_bytes_max);
        for (;;)
        {
            if (!buffer.empty())
            {
                auto progress = scanner.scan(buffer);
                if (progress == head_scanner::progress::complete) co_return scanner.size();
                if (progress == head_scanner::progress::refused)
                    co_return upstream_failure{failing::nonsense,
                                               "the head of the answer is malformed: " + scanner.refused().text};
            }
            std::array<char, 8192> room;
            auto [error, bytes] = co_await connection.read_some(room);
            if (error && buffer.empty())
                co_return upstream_failure{failing::closed,
                                           "the connection ended before an answer (" + error.message() + ")"};
            if (error)
                co_return upstream_failure{failing::lost,
                                           "the connection ended within the answer (" + error.message() + ")"};
            if (buffer.empty()) begins();
            buffer.append(room.data(), bytes);
        }
    }
};

// Feeds what is in `buffer` to the parser, which takes what belongs to the message.
error_code feed(answer_parser& parser, std::string& buffer)
{
    error_code error;
    while (!buffer.empty() && !parser.is_done())
    {
        std::size_t taken = parser.put(asio::buffer(buffer), error);
        buffer.erase(0, taken);
        if (error == http::error::need_more) return {};
        if (error || taken == 0) return error;
    }
    return error;
}

std::string complaint(const error_code& error, std::size_t body_max)
{
    if (error == http::error::body_limit) return "the answer is larger than " + std::to_string(body_max) + " bytes";
    return "the body of the answer is malformed: " + error.message();
}

}  // namespace

task<exchanged> exchange(transport& connection, std::string_view request, std::size_t body_max,
                         const std::function<void()>& begins)
{
    auto [write_error, written] = co_await connection.write(request);
    // A server may answer before it has read everything, and close: its answer counts. So a failed write is not the
    // end.
    std::string buffer;
    std::optional<answer_parser> parser;
    std::vector<field> fields;
    framing body;
    for (int interim = 0;; ++interim)
    {
        head_reader reader{connection, buffer, begins};
        auto head = co_await reader.read();
        if (auto* f = std::get_if<upstream_failure>(&head)) co_return exchanged{std::move(*f), false};

        parser.emplace();
        parser->header_limit(std::uint32_t(head_bytes_max));
        parser->body_limit(body_max);
        error_code error;
        std::size_t taken = parser->put(asio::buffer(buffer.data(), std::get<std::size_t>(head)), error);
        if (error || !parser->is_header_done())
            co_return failed(failing::nonsense, "the head of the answer is malformed: " + error.message());
        buffer.erase(0, taken);

        const auto& message = parser->get();
        auto all = views(message);
        auto checked = framing_of(all, int(message.version()) % 10, message.result_int());
        if (checked.refused)
            co_return failed(failing::nonsense, "the framing of the answer is malformed: " + checked.refused->text);
        unsigned status = message.result_int();
        if (status >= 200 && status <= 599)
        {
            body = checked.body;
            for (const field_view& f : all)
                if (!is_hop_by_hop(f.name, all)) fields.emplace_back(f.name, f.value);
            break;
        }
        if (status < 100 || status > 599 || status == 101 || interim >= interim_answers_max)
            co_return failed(failing::nonsense, "status " + std::to_string(status) + " came as an answer");
    }
    if (body.what == framing::kind::length && body.length > body_max)
        co_return failed(failing::nonsense, "the answer is larger than " + std::to_string(body_max) + " bytes");

    parser->eager(true);
    if (body.what != framing::kind::none && !parser->is_done())
    {
        for (;;)
        {
            if (error_code error = feed(*parser, buffer); error)
                co_return failed(failing::nonsense, complaint(error, body_max));
            if (parser->is_done()) break;
            // The parser bounds the body; what it leaves unread is a chunk's head or trailer without an end.
            if (buffer.size() > head_bytes_max)
                co_return failed(failing::nonsense, "a chunk's head or trailer has no end");
            std::array<char, 16384> room;
            auto [error, bytes] = co_await connection.read_some(room);
            if (error == asio::error::eof && body.what == framing::kind::until_close)
            {
                error_code end;
                parser->put_eof(end);
                if (!end) break;
            }
            if (error)
                co_return failed(failing::lost, "the connection ended within the answer (" + error.message() + ")");
            buffer.append(room.data(), bytes);
        }
    }
    // What comes after the answer was not asked for; a connection with that on it is not used again.
    bool reusable =
        !write_error && buffer.empty() && body.what != framing::kind::until_close && parser->get().keep_alive();
    upstream_answer answer{parser->get().result_int(), std::move(fields), std::move(parser->get().body())};
    co_return exchanged{std::move(answer), reusable};
}

}  // namespace callcache
