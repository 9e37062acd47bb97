#include "cache/asked_calls.hpp"

#include "cache/call_id.hpp"
#include "cache/digest.hpp"
#include "cache/json_scanner.hpp"

#include <algorithm>
#include <utility>

namespace callcache
{
namespace
{

using event = json_scanner::event;

struct json_node
{
    enum class kind
    {
        scalar,
        object,
        array,
    };
    kind is = kind::scalar;
    std::string_view text;  // of a scalar, as it stands there
    std::string name;       // as a member
    std::vector<json_node> inside;

    const json_node* find(std::string_view member) const
    {
        for (const json_node& n : inside)
            if (is == kind::object && n.name == member) return &n;
        return nullptr;
    }
    bool is_null() const { return text == "null"; }
};

// A name that can be written in one way only.
bool is_plain_name(std::string_view name)
{
    return std::all_of(name.begin(), name.end(), [](char c) { return c > 0x1f && c < 0x7f && c != '"' && c != '\\'; });
}

bool has_repeated_name(const json_node& object)
{
    for (auto a = object.inside.begin(); a != object.inside.end(); ++a)
        if (std::any_of(a + 1, object.inside.end(), [&](const json_node& b) { return a->name == b.name; })) return true;
    return false;
}

// nullopt if it is no object, or a name is repeated in one of its objects or is not plain.
std::optional<json_node> read_object(std::string_view body)
{
    std::vector<json_node> open(1);
    std::string name;
    bool is_good = follow_json(body, [&](event e, const json_scanner& at) {
        const bool begins_object = e == event::object_begins;
        if (e == event::name)
        {
            if (at.text().empty()) return false;  // too long
            name = json_unescaped(at.text());
            return is_plain_name(name);
        }
        if (begins_object || e == event::array_begins)
        {
            if (open.size() == 1 && !begins_object) return false;
            json_node n;
            n.is = begins_object ? json_node::kind::object : json_node::kind::array;
            n.name = std::exchange(name, {});
            open.push_back(std::move(n));
            return true;
        }
        if (e == event::string || e == event::other)
        {
            json_node n;
            n.text = body.substr(at.begin(), at.end() - at.begin());
            n.name = std::exchange(name, {});
            open.back().inside.push_back(std::move(n));
            return open.size() > 1;
        }
        json_node ended = std::move(open.back());
        open.pop_back();
        if (ended.is == json_node::kind::object && has_repeated_name(ended)) return false;
        open.back().inside.push_back(std::move(ended));
        return true;
    });
    if (!is_good || open[0].inside.size() != 1) return std::nullopt;
    return std::move(open[0].inside[0]);
}

// Asks for nothing, as a member of a selector.
bool is_nothing(const json_node& n)
{
    if (n.is == json_node::kind::scalar) return n.is_null() || n.text == "false";
    return n.is == json_node::kind::object && std::all_of(n.inside.begin(), n.inside.end(), is_nothing);
}

// In canonical form; of a selector without what asks for nothing.
std::string text_of(const json_node& n, bool is_selector)
{
    if (n.is == json_node::kind::scalar) return std::string(n.text);
    const bool is_object = n.is == json_node::kind::object;
    std::vector<std::string> parts;
    for (const json_node& each : n.inside)
        if (!is_object)
            parts.push_back(text_of(each, false));
        else if (!is_selector || !is_nothing(each))
            parts.push_back("\"" + each.name + "\":" + text_of(each, is_selector));
    if (is_object) std::sort(parts.begin(), parts.end());
    std::string text(1, is_object ? '{' : '[');
    for (const std::string& part : parts) text += (text.size() > 1 ? "," : "") + part;
    return text + (is_object ? '}' : ']');
}

// nullopt if it is not a list of 1 to 100 ids. One with a leading zero could be the same call as one without.
std::optional<std::vector<std::string>> ids_of(const json_node& filter)
{
    for (const json_node& n : filter.inside)
        if (n.name != "callIds" && !n.is_null()) return std::nullopt;
    const json_node* listed = filter.find("callIds");
    if (filter.is != json_node::kind::object || !listed || listed->is != json_node::kind::array) return std::nullopt;
    std::vector<std::string> ids;
    for (const json_node& n : listed->inside)
    {
        if (n.is != json_node::kind::scalar || !n.text.starts_with('"')) return std::nullopt;
        std::string id = json_unescaped(n.text);
        if (!is_call_id(id) || id.front() == '0') return std::nullopt;
        if (std::find(ids.begin(), ids.end(), id) == ids.end()) ids.push_back(std::move(id));
        if (ids.size() > asked_calls_max) return std::nullopt;
    }
    return ids.empty() ? std::nullopt : std::optional(std::move(ids));
}

// Something is asked for below `path`.
bool asks_for(const json_node* at, std::initializer_list<std::string_view> path)
{
    for (std::string_view name : path) at = at ? at->find(name) : nullptr;
    return at && !is_nothing(*at);
}

}  // namespace

std::optional<asked_calls> read_asked_calls(call_view what, std::string_view body)
{
    if (body.size() > asked_calls_bytes_max) return std::nullopt;
    auto root = read_object(body);
    const json_node* filter = root ? root->find("filter") : nullptr;
    if (!filter) return std::nullopt;
    auto ids = ids_of(*filter);
    const json_node *cursor = root->find("cursor"), *selector = root->find("contentSelector");
    if (!ids || (cursor && !cursor->is_null())) return std::nullopt;
    if (asks_for(selector, {"exposedFields", "media"})) return std::nullopt;

    asked_calls r;
    r.what = what;
    r.ids = std::move(*ids);
    std::vector<std::string> others;
    for (const json_node& n : root->inside)
    {
        const bool is_selector = &n == selector;
        if (&n == filter || &n == cursor || (is_selector && is_nothing(n))) continue;
        others.push_back(",\"" + n.name + "\":" + text_of(n, is_selector));
    }
    std::sort(others.begin(), others.end());
    for (const std::string& each : others) r.rest += each;
    r.variant = what == call_view::transcript ? "transcript" : "details";
    if (!r.rest.empty()) r.variant += "=" + hex(sha256(r.rest), 16);
    const json_node* context = selector ? selector->find("context") : nullptr;
    r.is_volatile = (context && !is_nothing(*context) && context->text != "\"None\"") ||
                    asks_for(selector, {"exposedFields", "collaboration"});
    return r;
}

std::string body_of_read(const std::vector<std::string>& ids, std::string_view rest)
{
    std::string body = "{\"filter\":{\"callIds\":[";
    for (const std::string& id : ids) body += (&id == &ids.front() ? "\"" : ",\"") + id + "\"";
    return body.append("]}").append(rest).append("}");
}

}  // namespace callcache
