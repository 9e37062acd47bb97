#include "tests/sim/api.hpp"

#include "cache/rfc3339.hpp"
#include "server/text/escape.hpp"
#include "tests/sim/wire.hpp"

#include <rapidjson/document.h>

#include <algorithm>
#include <cstdio>

namespace sim
{
namespace
{

std::string decoded(std::string_view text)
{
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i)
    {
        if (text[i] == '%' && i + 2 < text.size())
        {
            out += char(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
            i += 2;
        }
        else
            out += text[i] == '+' ? ' ' : text[i];
    }
    return out;
}

// With what a query cannot hold unescaped, as the vendor's are.
struct page_cursor
{
    std::int64_t at;      // the number of the next call
    std::int64_t issued;  // seconds since 1970, when the first page was
};

std::string text_of(const page_cursor& c)
{
    return std::to_string(c.at) + "+/" + std::to_string(c.issued) + "==";
}

std::optional<page_cursor> read_cursor(const std::string& text)
{
    long long at = 0, issued = 0;
    int size = 0;
    if (std::sscanf(text.c_str(), "%lld+/%lld==%n", &at, &issued, &size) != 2 || std::size_t(size) != text.size())
        return std::nullopt;
    return page_cursor{at, issued};
}

std::string records(std::int64_t total, int page, const std::string& cursor)
{
    std::string text = "\"records\":{\"totalRecords\":" + std::to_string(total) +
                       ",\"currentPageSize\":" + std::to_string(page) + ",\"currentPageNumber\":0";
    if (!cursor.empty()) text += ",\"cursor\":\"" + cursor + "\"";
    return text + "}";
}

}  // namespace

std::string parameter(std::string_view query, std::string_view name)
{
    while (!query.empty())
    {
        std::size_t end = std::min(query.find('&'), query.size());
        std::string_view pair = query.substr(0, end);
        query.remove_prefix(std::min(end + 1, query.size()));
        if (pair.starts_with(name) && pair.substr(name.size()).starts_with('='))
            return decoded(pair.substr(name.size() + 1));
    }
    return "";
}

std::optional<std::string> api::call(const std::string& id) const
{
    if (removed.contains(id)) return std::nullopt;
    auto revision = revisions.find(id);
    return catalogue.call(id, revision == revisions.end() ? 0 : revision->second);
}

reply api::error(unsigned status, const std::string& text)
{
    reply r;
    r.status = status;
    r.fields.emplace_back("Content-Type", "application/json;charset=UTF-8");
    r.body = "{\"requestId\":\"" + request_id() + "\",\"errors\":[\"" + json_escaped(text) + "\"]}";
    return r;
}
reply api::good(std::string rest)
{
    reply r;
    r.fields.emplace_back("Content-Type", "application/json;charset=UTF-8");
    r.body = "{\"requestId\":\"" + request_id() + "\"," + std::move(rest) + "}";
    return r;
}
reply api::limited(std::int64_t wait)
{
    reply r = error(429, "API rate limit exceeded");
    r.fields.emplace_back("Retry-After", std::to_string(wait));
    return r;
}

reply api::answer(const sim_request& r, const std::string& id, wall_time now)
{
    auto key = keys.find(r.authorization);
    if (key == keys.end()) return error(401, "Authentication failed. Check the access key and its secret");
    if (forbidden.contains({r.authorization, id})) return error(403, "The key may not read this call");
    if (r.method == "GET" && !id.empty())
    {
        if (!key->second.calls) return error(403, "Missing scope api:calls:read:basic");
        if (auto f = failing.find(id); f != failing.end()) return error(f->second, "Something is wrong with the call");
        auto found = call(id);
        return found ? good("\"call\":" + *found) : error(404, "Call ID " + id + " was not found");
    }
    if (r.method == "GET" && (r.path == "/v2/calls" || r.path == "/v2/calls/")) return list(r, now);
    if (r.method == "POST" && r.path == "/v2/calls/extensive")
        return key->second.extensive ? extensive(r) : error(403, "Missing scope api:calls:read:extensive");
    if (r.method == "POST" && r.path == "/v2/calls/transcript")
        return key->second.transcripts ? transcripts(r) : error(403, "Missing scope api:calls:read:transcript");
    if (!r.path.starts_with("/v2/")) return error(404, "There is no such operation");
    // Any other operation says what it was given.
    return good("\"operation\":\"" + json_escaped(r.method + " " + r.path + (r.query.empty() ? "" : "?" + r.query)) +
                "\",\"size\":" + std::to_string(r.size) + ",\"sum\":" + std::to_string(r.sum));
}

// Oldest first, 100 a page. The end is not part of the range.
reply api::list(const sim_request& r, wall_time now)
{
    auto from = parse_rfc3339(parameter(r.query, "fromDateTime")), to = parse_rfc3339(parameter(r.query, "toDateTime"));
    if (!from || !to || *from > *to) return error(400, "fromDateTime and toDateTime are needed");
    std::int64_t count = std::int64_t(catalogue.count), oldest = (catalogue.newest - *from) / catalogue.interval;
    std::int64_t newest = *to > catalogue.newest ? 0 : (catalogue.newest - *to) / catalogue.interval + 1;
    oldest = *from > catalogue.newest ? -1 : std::min(oldest, count - 1);

    page_cursor cursor{oldest, whole_seconds(now.time_since_epoch())};
    if (std::string text = parameter(r.query, "cursor"); !text.empty())
    {
        auto read = read_cursor(text);
        if (!read) return error(400, "The cursor is none");
        if (read->issued + cursor_life.count() <= cursor.issued) return error(400, "The cursor has expired");
        cursor = *read;
    }
    std::string calls;
    int size = 0;
    for (; cursor.at >= newest && size < 100; --cursor.at)
    {
        const std::string id = catalogue.id(std::uint64_t(cursor.at));
        auto found = forbidden.contains({r.authorization, id}) ? std::nullopt : call(id);
        if (!found) continue;
        calls += (calls.empty() ? "" : ",") + *found;
        ++size;
    }
    if (size == 0) return error(404, "No calls found corresponding to the provided filters");
    std::int64_t total = std::max<std::int64_t>(0, oldest - newest + 1);
    return good(records(total, size, cursor.at >= newest ? text_of(cursor) : "") + ",\"calls\":[" + calls + "]");
}

// Oldest first, at most 100. The end is not part of the range.
std::vector<std::string> api::ids_between(const std::string& first, const std::string& end) const
{
    std::vector<std::string> ids;
    auto from = parse_rfc3339(first), to = parse_rfc3339(end);
    if (!from || !to || *from > catalogue.newest) return ids;
    auto n = std::min(std::int64_t(catalogue.count) - 1, (catalogue.newest - *from) / catalogue.interval);
    for (; n >= 0 && ids.size() < 100 && catalogue.started(std::uint64_t(n)) < *to; --n)
        ids.push_back(catalogue.id(std::uint64_t(n)));
    return ids;
}

reply api::read(const sim_request& r, const std::string& list, const element_of& element)
{
    rapidjson::Document d;
    d.Parse(r.body.data(), r.body.size());
    if (d.HasParseError() || !d.IsObject() || !d.HasMember("filter") || !d["filter"].IsObject())
        return error(400, "Failed to parse the request");
    const auto& filter = d["filter"];
    std::vector<std::string> ids;
    if (!filter.HasMember("callIds") && filter.HasMember("fromDateTime") && filter["fromDateTime"].IsString() &&
        filter.HasMember("toDateTime") && filter["toDateTime"].IsString())
        ids = ids_between(filter["fromDateTime"].GetString(), filter["toDateTime"].GetString());
    else if (!filter.HasMember("callIds") || !filter["callIds"].IsArray())
        return error(400, "callIds is not a list");
    else if (filter["callIds"].Empty())
        return error(400, "callIds is empty");
    else
        for (const auto& v : filter["callIds"].GetArray())
        {
            if (!v.IsString()) return error(400, "callIds holds something that is not a string");
            ids.emplace_back(v.GetString());
        }
    std::string elements;
    std::size_t count = 0, left = 0;
    for (const std::string& id : ids)
    {
        if (auto f = failing.find(id); f != failing.end()) return error(f->second, "Something is wrong with a call");
        auto found = forbidden.contains({r.authorization, id}) ? std::nullopt : element(id);
        if (!found) continue;
        if (count == page_max)
        {
            ++left;
            continue;
        }
        elements += (elements.empty() ? "" : ",") + *found;
        ++count;
    }
    if (count == 0) return error(404, "No calls found corresponding to the provided filters");
    return good(records(std::int64_t(count + left), int(count), left > 0 ? "more" : "") + ",\"" + list + "\":[" +
                elements + "]");
}

// What the selector asks for is there; media, whose URLs are new each time, also without one.
reply api::extensive(const sim_request& r)
{
    rapidjson::Document d;
    d.Parse(r.body.data(), r.body.size());
    const bool selects = !d.HasParseError() && d.IsObject() && d.HasMember("contentSelector");
    std::string selected = selects ? std::string() : ",\"context\":[],\"parties\":[]";
    if (selects && d["contentSelector"].IsObject() && d["contentSelector"].HasMember("exposedFields"))
        for (const auto& field : d["contentSelector"]["exposedFields"].GetObject())
            selected += ",\"" + std::string(field.name.GetString()) + "\":{\"is\":\"here\"}";
    return read(r, "calls", [&](const std::string& id) -> std::optional<std::string> {
        auto n = catalogue.number(id);
        auto found = call(id);
        if (!found || (n && !catalogue.is_in_bulk(*n))) return std::nullopt;
        std::string media = ",\"media\":{\"audioUrl\":\"https://media.gong.io/a?sign=" + std::to_string(answers) +
                            "\",\"videoUrl\":null}";
        return "{\"metaData\":" + *found + selected + (selects ? "" : media) + "}";
    });
}

std::optional<std::string> api::transcript(const std::string& id) const
{
    if (untranscribed.contains(id) || !call(id)) return std::nullopt;
    auto revision = revisions.find(id);
    std::string text;
    for (int i = 0; i < 3 && !silent.contains(id); ++i)
        text += std::string(i == 0 ? "" : ",") + "{\"speakerId\":\"" + std::to_string(1000 + i) +
                "\",\"topic\":null,\"sentences\":[{\"start\":" + std::to_string(i * 1000) +
                ",\"end\":" + std::to_string(i * 1000 + 900) + ",\"text\":\"Sentence " + std::to_string(i) + " of " +
                id + ", version " + std::to_string(revision == revisions.end() ? 0 : revision->second) + "\"}]}";
    if (!text.empty() && text.size() < transcript_bytes)
        text += ",{\"speakerId\":\"1000\",\"sentences\":[{\"text\":\"" +
                std::string(transcript_bytes - text.size(), 'x') + "\"}]}";
    return "{\"callId\":\"" + id + "\",\"transcript\":[" + text + "]}";
}

reply api::transcripts(const sim_request& r)
{
    return read(r, "callTranscripts", [&](const std::string& id) { return transcript(id); });
}

}  // namespace sim
