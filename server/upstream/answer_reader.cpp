#include "server/upstream/answer_reader.hpp"

#include <boost/asio/error.hpp>

#include <charconv>
#include <utility>

namespace callcache
{
namespace
{

using failing = upstream_failure::kind;

constexpr std::size_t head_bytes_max = 64 << 10;
constexpr std::size_t read_bytes = 64 << 10;
constexpr int interim_answers_max = 8;  // 1xx before the final answer

upstream_failure nonsense(std::string text)
{
    return {failing::nonsense, std::move(text)};
}

struct read_answer
{
    answer_head head;
    std::vector<field_view> all;
    int minor = 1;
};

// REQUIRES: `head` is whole, and its lines are good.
read_answer take_apart(std::string_view head)
{
    read_answer r;
    r.minor = head[7] - '0';
    std::from_chars(head.data() + 9, head.data() + 12, r.head.status);
    std::size_t end = head.find("\r\n");
    if (end > 13) r.head.reason = head.substr(13, end - 13);
    for (std::size_t at = end + 2; (end = head.find("\r\n", at)) != at; at = end + 2)
        if (auto f = read_field_line(head.substr(at, end - at))) r.all.push_back(*f);
    for (const field_view& f : r.all)
        if (!is_hop_by_hop(f.name, r.all)) r.head.fields.emplace_back(f.name, f.value);
    return r;
}

bool is_persistent(const read_answer& r)
{
    bool close = false, keep = r.minor >= 1;
    for (const field_view& f : r.all)
    {
        if (!equals_lower(f.name, "connection")) continue;
        close = close || has_element(f.value, "close");
        keep = keep || has_element(f.value, "keep-alive");
    }
    return keep && !close;
}

}  // namespace

// At least one more byte, behind what is in the buffer and not used.
task<error_code> answer_reader::receive()
{
    buffer_.erase(0, std::exchange(used_, 0));
    std::size_t before = buffer_.size();
    buffer_.resize(before + read_bytes);
    auto [error, bytes] = co_await connection_.read_some({buffer_.data() + before, read_bytes});
    buffer_.resize(before + (error ? 0 : bytes));
    if (!error && begins_) std::exchange(begins_, nullptr)();
    co_return error;
}

task<std::variant<std::size_t, upstream_failure>> answer_reader::receive_head()
{
    head_scanner scanner(head_kind::response, head_bytes_max);
    for (;;)
    {
        std::string_view here = std::string_view(buffer_).substr(used_);
        if (!here.empty())
        {
            auto progress = scanner.scan(here);
            if (progress == head_scanner::progress::complete) co_return scanner.size();
            if (progress == head_scanner::progress::refused)
                co_return nonsense("the head of the answer is malformed: " + scanner.refused().text);
        }
        bool nothing = here.empty();
        error_code error = co_await receive();
        if (error && nothing)
            co_return upstream_failure{failing::closed,
                                       "the connection ended before an answer (" + error.message() + ")"};
        if (error)
            co_return upstream_failure{failing::lost,
                                       "the connection ended within the answer (" + error.message() + ")"};
    }
}

task<answer_reader::head_or_failure> answer_reader::read_head(bool to_head)
{
    for (int interim = 0;; ++interim)
    {
        auto size = co_await receive_head();
        if (auto* f = std::get_if<upstream_failure>(&size)) co_return std::move(*f);
        read_answer r = take_apart(std::string_view(buffer_).substr(used_, std::get<std::size_t>(size)));
        auto framed = framing_of(r.all, r.minor, r.head.status);
        unsigned status = r.head.status;
        if (framed.refused) co_return nonsense("the framing of the answer is malformed: " + framed.refused->text);
        persistent_ = is_persistent(r);
        used_ += std::get<std::size_t>(size);
        if (status >= 200 && status <= 599)
        {
            r.head.body = framed.body;
            body_ = body_decoder(to_head ? framing{} : framed.body);
            co_return std::move(r.head);
        }
        if (status < 100 || status > 599 || status == 101 || interim >= interim_answers_max)
            co_return nonsense("status " + std::to_string(status) + " came as an answer");
    }
}

task<answer_reader::piece_or_failure> answer_reader::read_body()
{
    for (;;)
    {
        if (body_.is_done()) co_return std::string_view();
        auto p = body_.take(std::string_view(buffer_).substr(used_));
        used_ += p.taken;
        if (!p.data.empty()) co_return p.data;
        if (auto* why = body_.refused()) co_return nonsense("the body of the answer is malformed: " + *why);
        if (p.taken > 0) continue;
        error_code error = co_await receive();
        if (error == asio::error::eof && body_.ends_with_connection())
        {
            persistent_ = false;
            co_return std::string_view();
        }
        if (error)
            co_return upstream_failure{failing::lost,
                                       "the connection ended within the answer (" + error.message() + ")"};
    }
}

}  // namespace callcache
