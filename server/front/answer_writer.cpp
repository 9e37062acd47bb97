#include "server/front/answer_writer.hpp"

#include "server/http/trace.hpp"
#include "server/http/via.hpp"

#include <algorithm>
#include <vector>

namespace callcache
{
namespace
{

constexpr std::size_t logged_path_max = 200;

std::string_view forwarded_reason(why w)
{
    switch (w)
    {
    case why::asked: return "request";
    case why::expired:
    case why::stale: return "stale";
    case why::untrusted: return "bypass";
    default: return "miss";
    }
}

// Without the query: some tools put a key there.
std::string loggable(std::string_view target)
{
    std::string_view path = target.substr(0, target.find('?'));
    return std::string(path.substr(0, logged_path_max)) + (path.size() < target.size() ? "?(not logged)" : "");
}

}  // namespace

void answer_writer::write(response_context& c, reply answer, outcome word, cache_status status) const
{
    const std::string body = std::move(answer.body);
    write(c, std::move(answer), {body, {}}, word, status);
}

void answer_writer::write(response_context& c, reply answer, const shared_bytes& body, outcome word,
                          cache_status status) const
{
    if (status.detail.empty()) status.detail = callcache::word(word);
    answer.fields.emplace_back("Cache-Status", to_field(status));
    answer.fields.emplace_back("Via", own_via());
    const std::string* etag = answer.find("etag");
    if (answer.status == 200 && etag && c.asked.has(*etag)) answer.status = 304;
    note(c, answer.status, word);
    if (!answer.refused_for.empty()) note_refusal(c.from, answer.refused_for);
    write_reply(c.out, answer, body, c.mode, clock_.wall());
}

void answer_writer::write_kept(response_context& c, const entry_ptr& kept, outcome word, std::string_view detail,
                               wall_time now) const
{
    const entry& e = *kept;
    // Written piece by piece: as a `reply` with its strings it cost a quarter of a hit.
    bool unchanged = !e.is_negative && c.asked.has(e.etag);
    unsigned code = e.is_negative ? 404 : unchanged ? 304 : 200;
    cache_status status;
    status.hit = true;
    status.ttl = whole_seconds(e.fresh_until() - now);
    status.detail = detail.empty() ? callcache::word(word) : detail;
    reply_writer w(c.out.text, code);
    w.field("Date", e.sent_at);
    w.field("Content-Type", e.content_type);
    w.field("Age", std::max<std::int64_t>(0, whole_seconds(now - e.sent_at)));
    if (!e.etag.empty()) w.field("ETag", e.etag);
    w.field("Cache-Status", status);
    w.field("Via", own_via());
    end_reply(w, c.out, e.body, kept, c.mode);
    note(c, code, word);
}

void answer_writer::write_head(response_context& c, std::size_t body_bytes, outcome word, cache_status status,
                               wall_time now) const
{
    if (status.detail.empty()) status.detail = callcache::word(word);
    reply_writer w(c.out.text, 200);
    w.field("Date", now);
    w.field("Content-Type", "application/json;charset=UTF-8");
    w.field("Cache-Status", status);
    w.field("Via", own_via());
    w.end_head(body_bytes, c.mode);
    note(c, 200, word);
}

void answer_writer::write_looked_up(response_context& c, const looked_up& found, why reason) const
{
    if (found.kept && !found.vendors) return write_kept(c, found.kept, found.word, found.detail, clock_.wall());
    cache_status status;
    status.detail = found.detail;
    status.hit = found.word == outcome::negative;  // the vendor's own, once more
    if (found.own) return write(c, *found.own, found.word, status);

    status.forwarded = forwarded_reason(reason);
    status.forwarded_status = found.vendors->status;
    status.stored = found.stored;
    status.collapsed = found.word == outcome::collapsed;
    reply answer;
    answer.status = found.vendors->status;
    for (const field& f : found.vendors->fields)
    {
        // What is ours to say, and what was another asker's.
        bool ours = equals_lower(f.first, "etag") && found.kept;
        bool others = status.collapsed && equals_lower(f.first, "set-cookie");
        if (!ours && !others) answer.fields.push_back(f);
    }
    shared_bytes body{found.vendors->body, found.vendors};
    if (found.kept)
    {
        body = {found.kept->body, found.kept};
        status.ttl = whole_seconds(found.kept->fresh_until() - clock_.wall());
        if (!found.kept->etag.empty()) answer.fields.emplace_back("ETag", found.kept->etag);
    }
    write(c, std::move(answer), body, found.word, status);
}

// Who shows a token of ours, or a credential that Gong has accepted, is known. Anybody else may come under any name.
void answer_writer::note_refusal(const asker& from, std::string_view why) const
{
    const partition_ptr& whose = from.credential.whose();
    const bool is_known = !from.client.name().empty() || (whose && whose->confirmed_at());
    if (auto begins = refused_.note({from.counted.name(), why, !is_known}, clock_.now())) out_.warn(*begins);
}

void answer_writer::note(const response_context& c, unsigned status, outcome word) const
{
    const request& r = c.asked;
    auto took = clock_.steady() - r.arrived;
    c.from.counted.row().add(word, took);
    if (config_->log.access != log_access::all) return;
    std::int64_t micros = std::chrono::duration_cast<std::chrono::microseconds>(took).count();
    std::vector<log_field> line{{"method", std::string(r.method)},   {"target", loggable(r.target)},
                                {"status", std::to_string(status)},  {"outcome", std::string(callcache::word(word))},
                                {"took_us", std::to_string(micros)}, {"tool", c.from.counted.name()}};
    if (auto trace = traceparent_of(r.fields); !trace.empty()) line.emplace_back("traceparent", trace);
    out_.info("answer", line);
}

}  // namespace callcache
