#include "config/keys.hpp"

#include "config/proxy_address.hpp"
#include "config/route_table.hpp"
#include "config/tool_table.hpp"
#include "config/units.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>

namespace callcache
{
namespace
{

using kind = raw_value::kind;

bool is(const raw_value& v, kind json_kind)
{
    return v.found == kind::text || v.found == json_kind;
}

std::string show_decimal(double d)
{
    char text[32];
    std::snprintf(text, sizeof text, "%.10g", d);
    return text;
}

// `field` is a function from settings& to the value's place, so that one row reads and writes the same thing.
template<class Field>
config_key integer(std::string_view path, Field field, std::uint64_t least, std::uint64_t most,
                   std::string_view meaning, key_type type = key_type::integer)
{
    config_key k{path, meaning, type, "a whole number from " + std::to_string(least) + " to " + std::to_string(most)};
    k.set = [=](settings& s, const raw_value& v) {
        std::uint64_t n = 0;
        const char* end = v.text.data() + v.text.size();
        auto parsed = std::from_chars(v.text.data(), end, n);
        if (!is(v, kind::number) || parsed.ec != std::errc{} || parsed.ptr != end || n < least || n > most)
            return false;
        field(s) = n;
        return true;
    };
    k.show = [=](const settings& s) { return std::to_string(field(const_cast<settings&>(s))); };
    return k;
}

template<class Field>
config_key percent(std::string_view path, Field field, std::uint64_t most, std::string_view meaning)
{
    return integer(path, field, 0, most, meaning, key_type::percent);
}

template<class Field>
config_key decimal(std::string_view path, Field field, double least, double most, std::string_view meaning)
{
    config_key k{path, meaning, key_type::decimal,
                 "a number from " + show_decimal(least) + " to " + show_decimal(most)};
    k.set = [=](settings& s, const raw_value& v) {
        double n = 0;
        const char* end = v.text.data() + v.text.size();
        auto parsed = std::from_chars(v.text.data(), end, n);
        if (!is(v, kind::number) || parsed.ec != std::errc{} || parsed.ptr != end) return false;
        if (!std::isfinite(n) || n < least || n > most) return false;
        field(s) = n;
        return true;
    };
    k.show = [=](const settings& s) { return show_decimal(field(const_cast<settings&>(s))); };
    return k;
}

template<class Field>
config_key boolean(std::string_view path, Field field, std::string_view meaning)
{
    config_key k{path, meaning, key_type::boolean, "true or false"};
    k.set = [=](settings& s, const raw_value& v) {
        if (!is(v, kind::boolean) || (v.text != "true" && v.text != "false")) return false;
        field(s) = v.text == "true";
        return true;
    };
    k.show = [=](const settings& s) { return field(const_cast<settings&>(s)) ? "true" : "false"; };
    return k;
}

template<class Field>
config_key time_span(std::string_view path, Field field, milliseconds least, milliseconds most,
                     std::string_view meaning, bool may_be_never = false)
{
    config_key k{path, meaning, key_type::duration,
                 "a duration from " + format_duration(least) + " to " + format_duration(most)};
    if (may_be_never)
    {
        k.allowed += ", or never";
        k.words = {"never"};
    }
    k.set = [=](settings& s, const raw_value& v) {
        if (!is(v, kind::string)) return false;
        if (may_be_never && v.text == "never")
        {
            field(s) = never;
            return true;
        }
        auto d = parse_duration(v.text);
        if (!d || *d < least || *d > most) return false;
        field(s) = *d;
        return true;
    };
    k.show = [=](const settings& s) {
        auto d = field(const_cast<settings&>(s));
        return d == never ? std::string("never") : format_duration(d);
    };
    return k;
}

template<class Field>
config_key size(std::string_view path, Field field, std::uint64_t least, std::uint64_t most, std::string_view meaning)
{
    config_key k{path, meaning, key_type::size, "a size from " + format_size(least) + " to " + format_size(most)};
    k.set = [=](settings& s, const raw_value& v) {
        auto n = parse_size(v.text);
        if (!is(v, kind::string) || !n || *n < least || *n > most) return false;
        field(s) = *n;
        return true;
    };
    k.show = [=](const settings& s) { return format_size(field(const_cast<settings&>(s))); };
    return k;
}

template<class Field>
config_key string(std::string_view path, Field field, std::string_view allowed, std::string_view meaning)
{
    config_key k{path, meaning, key_type::string, std::string(allowed)};
    k.set = [=](settings& s, const raw_value& v) {
        bool controls = std::any_of(v.text.begin(), v.text.end(), [](unsigned char c) { return c < ' ' || c == 127; });
        if (!is(v, kind::string) || controls) return false;
        field(s) = v.text;
        return true;
    };
    k.show = [=](const settings& s) { return field(const_cast<settings&>(s)); };
    return k;
}

// From the environment alone: a secret does not belong into a file that is copied about or a flag that `ps` shows.
template<class Field>
config_key secret(std::string_view path, Field field, std::string_view meaning)
{
    config_key k = string(path, field, "text, from the environment alone", meaning);
    k.secret = true;
    k.show = [=](const settings& s) {
        return std::string(field(const_cast<settings&>(s)).empty() ? "(not set)" : "(set)");
    };
    return k;
}

// Of a list: neither blanks nor what JSON or a shell leaves of ["A","B"]. Brackets are an IPv6 address's.
bool is_item(std::string_view text)
{
    std::string_view inner = text.starts_with('[') ? text.substr(1, text.find(']') - 1) : "";
    bool is_ipv6 = inner.size() + 2 <= text.size() && inner.find(':') != inner.npos;
    return !text.empty() && text.find_first_of(is_ipv6 ? " \t\r\n\"'" : " \t\r\n\"'[]") == text.npos;
}

template<class Field>
config_key list(std::string_view path, Field field, std::string_view allowed, std::string_view meaning,
                bool may_be_off = false)
{
    config_key k{path, meaning, key_type::list, std::string(allowed)};
    if (may_be_off) k.words = {"off"};
    k.set = [=](settings& s, const raw_value& v) {
        if (!is(v, kind::string) && v.found != kind::list) return false;
        std::vector<std::string> items;
        for (std::size_t at = 0; at <= v.text.size() && !v.text.empty();)
        {
            std::size_t comma = std::min(v.text.find(',', at), v.text.size());
            std::string item = v.text.substr(at, comma - at);
            if (!is_item(item)) return false;
            items.push_back(std::move(item));
            at = comma + 1;
        }
        if (may_be_off && items == std::vector<std::string>{"off"})
            items.clear();
        else if (may_be_off && items.empty())
            return false;
        field(s) = std::move(items);
        return true;
    };
    k.show = [=](const settings& s) {
        std::string text;
        for (const std::string& item : field(const_cast<settings&>(s))) text += (text.empty() ? "" : ",") + item;
        return text.empty() && may_be_off ? "off" : text;
    };
    return k;
}

template<class Enum>
using words = std::vector<std::pair<std::string, Enum>>;

template<class Field, class Enum>
config_key word(std::string_view path, Field field, words<Enum> known, std::string_view meaning)
{
    config_key k{path, meaning, key_type::word, "one of"};
    for (const auto& [name, value] : known)
    {
        k.words.push_back(name);
        k.allowed += " " + name;
    }
    k.set = [=](settings& s, const raw_value& v) {
        if (!is(v, kind::string)) return false;
        for (const auto& [name, value] : known)
        {
            if (name != v.text) continue;
            field(s) = value;
            return true;
        }
        return false;
    };
    k.show = [=](const settings& s) {
        for (const auto& [name, value] : known)
            if (value == field(const_cast<settings&>(s))) return name;
        return std::string();
    };
    return k;
}

template<class Field>
config_key tools(std::string_view path, Field field, std::string_view meaning)
{
    config_key k{
        path, meaning, key_type::tools,
        "an object of tool names (letters, digits, '-', '_', '.') with daily (1 or more), class (interactive or "
        "background) and wait_max (a duration up to 24h)"};
    k.set = [=](settings& s, const raw_value& v) {
        if (!is(v, kind::object)) return false;
        auto read = read_tools(v.text);
        if (!read) return false;
        field(s) = std::move(*read);
        return true;
    };
    k.wrong_part = [](std::string_view text) {
        std::string wrong;
        read_tools(text, &wrong);
        return wrong;
    };
    k.show = [=](const settings& s) { return show_tools(field(const_cast<settings&>(s))); };
    return k;
}

template<class Field>
config_key routes(std::string_view path, Field field, std::string_view meaning)
{
    config_key k{path, meaning, key_type::routes,
                 "a list of objects with path (segments of plain letters; {name} is one segment, ** at the end the "
                 "rest), fresh (a duration from 1s to 30d) and perhaps override (true or false)"};
    k.set = [=](settings& s, const raw_value& v) {
        bool none = v.found == kind::list && v.text.empty();
        if (!is(v, kind::objects) && !none) return false;
        auto read = read_routes(none ? "[]" : v.text);
        if (!read) return false;
        field(s) = std::move(*read);
        return true;
    };
    k.wrong_part = wrong_in_routes;
    k.show = [=](const settings& s) { return show_routes(field(const_cast<settings&>(s))); };
    return k;
}

template<class Field>
config_key proxy(std::string_view path, Field field, std::string_view meaning)
{
    config_key k{path,
                 meaning,
                 key_type::proxy,
                 "http://[user:password@]host:port (a proxy that wants TLS itself, https://, is not supported), "
                 "environment, or off",
                 false,
                 {proxy_by_environment, "off"}};
    k.set = [=](settings& s, const raw_value& v) {
        if (!is(v, kind::string)) return false;
        bool none = v.text.empty() || v.text == "off";
        if (!none && v.text != proxy_by_environment && !parse_proxy(v.text)) return false;
        field(s) = none ? "" : v.text;
        return true;
    };
    k.show = [=](const settings& s) {
        const std::string& url = field(const_cast<settings&>(s));
        auto read = parse_proxy(url);
        return read ? read->text() : url.empty() ? "off" : proxy_by_environment;
    };
    return k;
}

// A row's place in `settings`.
// clang-format off
#define PLACE(member) [](settings& s) -> auto& { return s.member; }
// clang-format on

// Few operators need it.
config_key advanced(config_key k)
{
    k.is_advanced = true;
    return k;
}

std::vector<config_key> make_keys()
{
    constexpr std::string_view addresses =
        "host:port such as localhost:4664, or a list of them; localhost means both loopback addresses";
    return {
        list("server.listen", PLACE(server.listen), addresses, "Where tools connect."),
        list("server.admin", PLACE(server.admin), "host:port such as localhost:4665, a list of them, or off",
             "Where the operator connects: health, readiness, purge.", true),
        string("server.admin_token_file", PLACE(server.admin_token_file), "a file, or empty",
               "Holds the token that the operator shows, as Bearer or as Basic password, where server.admin is reached "
               "from beyond loopback. Probes and metrics need none."),
        list("server.hosts", PLACE(server.hosts), "host names, without port",
             "Further names that a Host header may carry: of tools with credentials.mode inject, and of the operator."),
        advanced(integer("server.threads", PLACE(server.threads), 0, 64,
                         "Event loops that answer tools; 0: one a core, at most 4.")),
        string("server.tls_certificate_file", PLACE(server.tls_certificate_file), "a file, or empty",
               "PEM, the certificate and then those that it rests on: tools connect by TLS alone. Needs the key."),
        string("server.tls_key_file", PLACE(server.tls_key_file), "a file, or empty",
               "PEM, the certificate's private key, without a passphrase."),
        advanced(
            integer("server.connections_max", PLACE(server.connections_max), 1, 1'000'000,
                    "Connections from tools; for one more the longest idle one gives way, or it is answered 503.")),
        advanced(time_span("server.header_timeout", PLACE(server.header_timeout), 100ms, 1h,
                           "From the first byte of a request to the end of its header, else 408.")),
        advanced(time_span("server.idle_timeout", PLACE(server.idle_timeout), 100ms, 24h,
                           "A connection without a request is closed after this.")),
        advanced(time_span("server.drain_timeout", PLACE(server.drain_timeout), 0ms, 1h,
                           "How long a stop waits for the requests that are running.")),
        advanced(size("server.header_bytes_max", PLACE(server.header_bytes_max), 1 << 10, 1 << 20,
                      "A larger request header is answered 431.")),
        advanced(size("server.request_body_max", PLACE(server.request_body_max), 0, std::uint64_t(1) << 40,
                      "A larger request body is answered 413. Bodies stream; none is buffered whole.")),
        advanced(time_span(
            "server.answer_max", PLACE(server.answer_max), 100ms, 24h,
            "Queue, attempts and retries of one lookup together; where it is not set, at least budget.wait_max and 8s. "
            "Prefer: wait=N replaces both.")),
        string("upstream.url", PLACE(upstream.url), "https://host[:port], or http:// towards loopback",
               "Gong's API; many companies have a host of their own, such as https://us-12345.api.gong.io."),
        boolean("upstream.insecure", PLACE(upstream.insecure), "Allows http:// beyond loopback."),
        string("upstream.ca_file", PLACE(upstream.ca_file), "a file of PEM certificates, or empty for the system's",
               "Certificate authorities that upstream's certificate is verified with."),
        proxy("upstream.proxy", PLACE(upstream.proxy),
              "A proxy that every connection to upstream goes through, by CONNECT. environment: what HTTPS_PROXY and "
              "NO_PROXY say, for https:// alone."),
        advanced(time_span("upstream.connect_timeout", PLACE(upstream.connect_timeout), 10ms, 10min,
                           "Name lookup, TCP, the proxy's answer and TLS of one connection together.")),
        advanced(
            integer("upstream.connections_max", PLACE(upstream.connections_max), 1, 1024, "Connections to upstream.")),
        advanced(time_span("upstream.response_timeout", PLACE(upstream.response_timeout), 10ms, 1h,
                           "One whole attempt at a lookup, also against an endless trickle.")),
        advanced(time_span(
            "upstream.pass_timeout", PLACE(upstream.pass_timeout), 10ms, 24h,
            "A forwarded request without progress: less than 1 KiB in this time, though it is upstream's turn.")),
        word("credentials.mode", PLACE(credentials.mode),
             words<credentials_mode>{{"forward", credentials_mode::forward}, {"inject", credentials_mode::inject}},
             "forward: each tool sends its own credential; inject: callcache holds it."),
        string("credentials.access_key_file", PLACE(credentials.access_key_file), "a file, or empty",
               "With inject: holds the access key."),
        string("credentials.access_key_secret_file", PLACE(credentials.access_key_secret_file), "a file, or empty",
               "With inject: holds the access key's secret."),
        string("credentials.bearer_token_file", PLACE(credentials.bearer_token_file), "a file, or empty",
               "With inject, in place of an access key: holds a bearer token."),
        secret("credentials.access_key", PLACE(credentials.access_key), "With inject: the access key."),
        secret("credentials.access_key_secret", PLACE(credentials.access_key_secret), "With inject: its secret."),
        secret("credentials.bearer_token", PLACE(credentials.bearer_token), "With inject: a bearer token."),
        string("credentials.clients_file", PLACE(credentials.clients_file), "a file, or empty",
               "With inject: JSON with the token of each tool by its name; needed to listen beyond loopback."),
        string(
            "credentials.name", PLACE(credentials.name), "text, or empty",
            "With inject: what is kept is kept under this name, whatever the key or the token is today, so that a new "
            "one finds it. Empty: under the access key, or the path of credentials.bearer_token_file."),
        word("credentials.share", PLACE(credentials.share),
             words<credentials_share>{{"per_credential", credentials_share::per_credential},
                                      {"company", credentials_share::company}},
             "company: the keys of credentials.company_keys share one cache, instead of each having its own."),
        list("credentials.company_keys", PLACE(credentials.company_keys), "access keys, without their secrets",
             "With credentials.share company: the access keys that share one cache, which is named after the first."),
        time_span("credentials.trust", PLACE(credentials.trust), 0ms, 30 * 24h,
                  "A credential may read kept calls this long after Gong last accepted it."),
        string("cache.path", PLACE(cache.path), "a file, or :memory: for the memory tier alone", "The database."),
        size("cache.memory_max", PLACE(cache.memory_max), 1 << 20, 1ull << 40, "Bound of the memory tier."),
        size("cache.disk_max", PLACE(cache.disk_max), 1 << 20, 1ull << 44, "Bound of the database."),
        advanced(time_span("cache.client_min_age", PLACE(cache.client_min_age), 0ms, 30 * 24h,
                           "A tool's no-cache or max-age forces a fetch only when the entry is older than this.",
                           true)),
        advanced(time_span(
            "cache.erasure_guard", PLACE(cache.erasure_guard), 0ms, 30 * 24h,
            "After an erasure that passed through, what is fetched is fresh for cache.calls.fresh_min at most for "
            "so long: Gong takes hours for it.")),
        word(
            "cache.transcripts", PLACE(cache.transcripts),
            words<view_keeping>{{"on", view_keeping::on}, {"memory", view_keeping::memory}, {"off", view_keeping::off}},
            "on: POST /v2/calls/transcript with callIds is answered call by call from what is kept. memory: the same, "
            "but no transcript lies in the database. off: each request passes through, and what is kept is deleted."),
        word(
            "cache.details", PLACE(cache.details),
            words<view_keeping>{{"on", view_keeping::on}, {"memory", view_keeping::memory}, {"off", view_keeping::off}},
            "The same of POST /v2/calls/extensive with callIds, for each contentSelector."),
        advanced(time_span(
            "cache.transcripts_fresh_max", PLACE(cache.transcripts_fresh_max), 1s, 365 * 24h,
            "The most that a transcript is fresh; as calls, for a tenth of the time since its call started.")),
        routes("cache.routes", PLACE(cache.routes),
               "Further GET paths that are kept, with their query: [{\"path\": \"/v2/users/{id}\", \"fresh\": "
               "\"1h\"}]. With override Gong's no-store, private and Set-Cookie do not count."),
        time_span("cache.calls.fresh_min", PLACE(cache.calls.fresh_min), 1s, 30 * 24h,
                  "The least time a call is fresh."),
        time_span("cache.calls.fresh_max", PLACE(cache.calls.fresh_max), 1s, 365 * 24h, "The most."),
        advanced(percent("cache.calls.fresh_age_percent", PLACE(cache.calls.fresh_age_percent), 1000,
                         "Between the two: this share of the time since the call started.")),
        advanced(
            percent("cache.calls.stale_while_revalidate", PLACE(cache.calls.stale_while_revalidate_percent), 1000,
                    "Of the entry's own freshness, at most a day: served at once and refreshed in the background.")),
        time_span("cache.calls.stale_if_error", PLACE(cache.calls.stale_if_error), 0ms, 365 * 24h,
                  "Served this long after its freshness ended while upstream fails or the budget is spent."),
        time_span("cache.calls.keep_max", PLACE(cache.calls.keep_max), 1min, 3650 * 24h,
                  "After this without a refresh an entry is deleted."),
        advanced(time_span("cache.calls.not_found_min", PLACE(cache.calls.not_found_min), 0ms, 24h,
                           "How long the first 404 of a call is remembered; doubles with each further one.")),
        advanced(time_span("cache.calls.not_found_max", PLACE(cache.calls.not_found_max), 0ms, 24h,
                           "The most; a minute in the first 24 hours after the first 404.")),
        decimal("budget.rate", PLACE(budget.rate), 0.001, 1000, "Requests a second to Gong."),
        integer("budget.burst", PLACE(budget.burst), 1, 1000,
                "At most this many in any burst/rate seconds; at most max(1, rate). The default is 3, or that where it "
                "is less."),
        advanced(time_span("budget.margin", PLACE(budget.margin), 0ms, 10s,
                           "Added to the window for the jitter of the way.")),
        advanced(integer("budget.queue_max", PLACE(budget.queue_max), 0, 1'000'000,
                         "Requests that may wait; one more gets 429. A hundred calls of reads by ids count as one; at "
                         "most five of them for each place may wait.")),
        time_span("budget.wait_max", PLACE(budget.wait_max), 0ms, 24h,
                  "A lookup that would wait longer gets 429 at once."),
        advanced(time_span("budget.linger", PLACE(budget.linger), 0ms, 1h,
                           "A lookup that nobody waits for any more keeps its turn for so long.")),
        integer("budget.daily", PLACE(budget.daily), 0, 1'000'000'000, "Requests a day to Gong; 0: no limit."),
        string("budget.day", PLACE(budget.day), "sliding, or an IANA zone such as America/New_York",
               "sliding: a day is any 24 hours; a zone: midnight there turns it."),
        advanced(integer("budget.tool_daily_percent", PLACE(budget.tool_daily_percent), 1, 100,
                         "Of the day that one tool may spend, on days on which at least two asked.",
                         key_type::percent)),
        advanced(percent("budget.interactive_reserve_percent", PLACE(budget.interactive_reserve_percent), 100,
                         "Of the day that refreshes and background work may not touch.")),
        advanced(integer(
            "budget.newcomers", PLACE(budget.newcomers), 0, 100'000,
            "Requests that credentials which Gong has never accepted may cost while it refuses them, all together; "
            "one comes back every 15 minutes. 0: a tenth of budget.daily, from 10 to 100.")),
        advanced(time_span("budget.retry_after_max", PLACE(budget.retry_after_max), 1s, 7 * 24h,
                           "Bound on the Retry-After that is told to tools and taken from Gong.")),
        tools("budget.tools", PLACE(budget.tools),
              "For each tool by its name: {\"etl\": {\"daily\": 6000, \"class\": \"background\", \"wait_max\": "
              "\"5s\"}}."),
        string("budget.path", PLACE(budget.path), "a file, :memory:, or empty for <cache.path>-budget",
               "The ledger of what was spent."),
        word("bulk.mode", PLACE(bulk.mode),
             std::vector<std::pair<std::string, bulk_mode>>{{"auto", bulk_mode::automatic}, {"off", bulk_mode::off}},
             "auto: lookups that wait are fetched together by Gong's bulk read, for one API call."),
        advanced(integer("bulk.ids_max", PLACE(bulk.ids_max), 2, 100, "Calls in one bulk read.")),
        advanced(size("bulk.bytes_max", PLACE(bulk.bytes_max), 1 << 20, 1ull << 30,
                      "Bound of one answer with several transcripts or extensive records, without its coding.")),
        string("alerts.webhook_file", PLACE(alerts.webhook_file), "a file, or empty",
               "Holds the URL of a webhook, as Slack's and Mattermost's incoming ones, that gets a text at 75, 90 and "
               "100 % of budget.daily, when Gong asks to wait though the budget is kept, and when Gong is down for a "
               "minute and is back."),
        word("mode", PLACE(mode), words<run_mode>{{"online", run_mode::online}, {"offline", run_mode::offline}},
             "offline: only what is kept is served, also when it is no longer fresh; nothing goes upstream."),
        word("log.format", PLACE(log.format),
             words<log_format>{{"auto", log_format::automatic}, {"text", log_format::text}, {"json", log_format::json}},
             "auto: text on a terminal, JSON lines otherwise."),
        word("log.level", PLACE(log.level),
             words<log_level>{{"debug", log_level::debug},
                              {"info", log_level::info},
                              {"warn", log_level::warn},
                              {"error", log_level::error}},
             "The least that is logged."),
        word("log.access", PLACE(log.access),
             words<log_access>{{"off", log_access::off}, {"misses", log_access::misses}, {"all", log_access::all}},
             "misses: a line for each upstream request; all: one for each answer too."),
    };
}

#undef PLACE

}  // namespace

std::span<const config_key> config_keys()
{
    static const std::vector<config_key> keys = make_keys();
    return keys;
}

const config_key* find_key(std::string_view path)
{
    for (const config_key& k : config_keys())
        if (k.path == path) return &k;
    return nullptr;
}

std::span<const key_flag> key_flags()
{
    static constexpr key_flag flags[] = {{"--listen", "server.listen", "HOST:PORT"},
                                         {"--admin", "server.admin", "HOST:PORT"},
                                         {"--upstream", "upstream.url", "URL"},
                                         {"--db", "cache.path", "FILE"}};
    return flags;
}

std::string environment_name(std::string_view path)
{
    std::string name = "CALLCACHE_";
    for (char c : path) name += c == '.' ? '_' : c >= 'a' && c <= 'z' ? char(c - 'a' + 'A') : c;
    return name;
}

}  // namespace callcache
