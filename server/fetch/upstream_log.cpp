#include "server/fetch/upstream_log.hpp"

#include "cache/call_answer.hpp"
#include "server/http/trace.hpp"

namespace callcache
{
namespace
{

upstream_kind kind_of(const flight& f, std::size_t calls)
{
    auto* l = dynamic_cast<const lookup_flight*>(&f);
    if (calls > 0) return upstream_kind::bulk;
    if (!l) return upstream_kind::pass;
    if (l->why != lookup_flight::purpose::asked) return upstream_kind::refresh;
    return f.first.kept_by ? upstream_kind::route : upstream_kind::lookup;
}

outcome outcome_of(upstream_kind kind, const upstream_answer* answer)
{
    if (!answer) return outcome::error;
    if (answer->status == 429) return outcome::limited;
    return kind == upstream_kind::bulk ? outcome::bulk : kind == upstream_kind::pass ? outcome::pass : outcome::miss;
}

std::string ms(steady_time::duration d)
{
    return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(d).count());
}

}  // namespace

void note_end(miss_path& path, const flight& f, const upstream_result& r, std::size_t calls)
{
    const upstream_kind kind = kind_of(f, calls);
    const attempt& last = f.last;
    auto* answer = std::get_if<upstream_answer>(&r);
    path.counts.ended(kind, answer ? answer->status : 0, last.ended - last.sent_steady);
    if (path.config().log.access == log_access::off) return;
    std::vector<log_field> line{{"kind", std::string(word(kind))},
                                {"outcome", std::string(word(outcome_of(kind, answer)))},
                                {"id", std::string(path_of(f.first.id))},
                                {"calls", std::to_string(std::max<std::size_t>(calls, 1))},
                                {"status", answer ? std::to_string(answer->status) : "none"},
                                {"wait_ms", ms(last.sent_steady - f.first.asked_at)},
                                {"upstream_ms", ms(last.ended - last.sent_steady)},
                                {"askers", std::to_string(f.waiters.size())},
                                {"tool", path.tool_of(f)}};
    std::string_view number = answer ? request_id_in(answer->body) : std::string_view();
    if (!number.empty()) line.emplace_back("request_id", number);
    if (!f.first.traceparent.empty()) line.emplace_back("traceparent", f.first.traceparent);
    path.parts.out.info("upstream", line);
}

}  // namespace callcache
