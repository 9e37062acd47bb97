#include "server/upstream/answer_reader.hpp"

#include "server/http/head_reader.hpp"
#include "server/http/via.hpp"

#include <boost/asio/error.hpp>

#include <algorithm>
#include <utility>

namespace callcache
{
namespace
{

using failure_kind = upstream_failure::kind;

constexpr std::size_t room_max = 64 << 10;
constexpr int interim_answers_max = 8;  // 1xx before the final answer

upstream_failure nonsense(std::string text)
{
    return {failure_kind::nonsense, std::move(text)};
}

// An answer that has come through this process on its way here. A proxy may have dropped the Via.
bool is_own(const answer_head& a, std::string_view body)
{
    return is_own_body(body) || std::any_of(a.fields.begin(), a.fields.end(), [](const field& f) {
               return equals_lower(f.first, "via") && names_this_process(f.second);
           });
}

}  // namespace

upstream_failure came_from_itself()
{
    return {failure_kind::unreachable,
            "the answer came from callcache itself; is upstream.url, or a proxy on the way to "
            "it, callcache's own address?"};
}

// At least one more byte, behind what is in the buffer and not used.
task<error_code> answer_reader::receive()
{
    buffer_.erase(0, std::exchange(used_, 0));
    std::size_t before = buffer_.size();
    buffer_.resize(before + room_);
    auto [error, bytes] = co_await connection_.read_some({buffer_.data() + before, room_});
    buffer_.resize(before + (error ? 0 : bytes));
    if (bytes == room_) room_ = std::min(8 * room_, room_max);
    if (!error && begins_) std::exchange(begins_, nullptr)();
    co_return error;
}

task<std::variant<std::size_t, upstream_failure>> answer_reader::receive_head()
{
    head_scanner scanner(head_kind::response, answer_head_bytes_max);
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
            co_return upstream_failure{failure_kind::closed,
                                       "the connection ended before an answer (" + error.message() + ")"};
        if (error)
            co_return upstream_failure{failure_kind::lost,
                                       "the connection ended within the answer (" + error.message() + ")"};
    }
}

task<answer_reader::head_or_failure> answer_reader::read_head(bool to_head)
{
    for (int interim = 0;; ++interim)
    {
        auto size = co_await receive_head();
        if (auto* f = std::get_if<upstream_failure>(&size)) co_return std::move(*f);
        std::size_t bytes = std::get<std::size_t>(size);
        auto read = read_answer_head(std::string_view(buffer_).substr(used_, bytes));
        if (read.refused) co_return nonsense("the head of the answer is malformed: " + read.refused->text);
        persistent_ = read.persistent;
        used_ += bytes;
        if (is_own(read.head, std::string_view(buffer_).substr(used_))) co_return came_from_itself();
        if (read.head.is_final())
        {
            bodiless_ = to_head || read.head.status == 204 || read.head.status == 304;
            body_ = body_decoder(to_head ? framing{} : read.head.body);
            co_return std::move(read.head);
        }
        if (!read.head.is_interim() || interim >= interim_answers_max)
            co_return nonsense("status " + std::to_string(read.head.status) + " came as an answer");
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
            co_return upstream_failure{failure_kind::lost,
                                       "the connection ended within the answer (" + error.message() + ")"};
    }
}

}  // namespace callcache
