#include "server/upstream/exchange.hpp"

#include "server/http/via.hpp"
#include "server/upstream/answer_reader.hpp"
#include "server/upstream/content_coding.hpp"

namespace callcache
{
namespace
{

exchanged too_large(std::size_t body_max)
{
    return {upstream_failure{upstream_failure::kind::too_large,
                             "the answer is larger than " + std::to_string(body_max) + " bytes"},
            false};
}

}  // namespace

task<exchanged> exchange(transport& connection, std::string_view request, std::size_t body_max,
                         const std::function<void()>& begins)
{
    auto [write_error, written] = co_await connection.write(request);
    // A server may answer before it has read everything, and close: its answer counts. So a failed write is not the
    // end.
    answer_reader reader(connection, begins);
    auto head = co_await reader.read_head(false);
    if (auto* f = std::get_if<upstream_failure>(&head)) co_return exchanged{std::move(*f), false};
    auto& read = std::get<answer_head>(head);
    if (read.body.what == framing::kind::length && read.body.length > body_max) co_return too_large(body_max);

    upstream_answer answer{read.status, std::move(read.fields), {}};
    for (;;)
    {
        auto piece = co_await reader.read_body();
        if (auto* f = std::get_if<upstream_failure>(&piece)) co_return exchanged{std::move(*f), false};
        std::string_view data = std::get<std::string_view>(piece);
        if (data.empty()) break;
        if (answer.body.size() + data.size() > body_max) co_return too_large(body_max);
        answer.body += data;
    }
    if (is_own_body(answer.body)) co_return exchanged{came_from_itself(), false};
    if (auto plain = without_gzip(answer, body_max)) answer = std::move(*plain);
    co_return exchanged{std::move(answer), !write_error && reader.is_reusable()};
}

}  // namespace callcache
