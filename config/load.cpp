#include "config/load.hpp"

#include "config/address.hpp"
#include "config/ascii.hpp"
#include "config/keys.hpp"
#include "config/proxy_address.hpp"
#include "config/route_table.hpp"
#include "config/sources.hpp"

#include <rapidjson/document.h>
#include <rapidjson/error/en.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <set>

namespace callcache
{
namespace
{

using kind = raw_value::kind;

// `text` with what a terminal might act upon made visible, cut to a readable length.
std::string printable(std::string_view text)
{
    std::string shown;
    for (unsigned char c : text.substr(0, 80)) shown += c < ' ' || c == 127 ? '?' : char(c);
    return shown + (text.size() > 80 ? "…" : "");
}

std::string quoted(std::string_view text)
{
    return "\"" + printable(text) + "\"";
}

// As far as it may be shown: without what stands before an @, and behind a ?.
std::string quoted_url(std::string_view url)
{
    std::string shown(url.substr(0, url.find('?')));
    if (shown.size() < url.size()) shown += "?(not shown)";
    std::size_t at = shown.rfind('@'), scheme = shown.find("://");
    std::size_t begin = scheme == std::string::npos || scheme > at ? 0 : scheme + 3;
    if (at != std::string::npos) shown.replace(begin, at - begin, "(not shown)");
    return quoted(shown);
}

struct loader
{
    loaded_settings result;
    std::map<std::string, std::string> set_by;  // source, by the key's path

    bool is_set(const std::string& path) const { return set_by.contains(path); }

    void problem(std::string_view where, std::string_view what)
    {
        result.problems.push_back(std::string(where) + ": " + std::string(what));
    }

    // `written`: as it stands there; `path`: the same as a key.
    void unknown(std::string_view where, std::string_view written, std::string_view path)
    {
        const bool is_variable = written != path;
        auto name_of = [&](const config_key& k) {
            return is_variable ? environment_name(k.path) : std::string(k.path);
        };
        auto holds_path = [&](const config_key& k) {
            return (k.type == key_type::tools || k.type == key_type::routes) &&
                   written.starts_with(name_of(k) + (is_variable ? "_" : "."));
        };
        std::string what = std::string("unknown ") + (is_variable ? "variable " : "key ") + quoted(written);
        auto whole = std::find_if(config_keys().begin(), config_keys().end(), holds_path);
        if (whole != config_keys().end())
            what += "; this is set through " + name_of(*whole) + ": " + whole->allowed;
        else if (const config_key* near = nearest_key(path))
            what += "; did you mean " + name_of(*near) + "?";
        else
            what += "; `callcache check --all` lists the known keys";
        problem(where, what);
    }

    void assign(std::string_view where, const config_key& key, const raw_value& value)
    {
        if (key.secret && value.found == kind::text && where != "environment")
            return problem(where, std::string(key.path) + ": a secret is taken from the environment alone (" +
                                      environment_name(key.path) + ") or from " + std::string(key.path) + "_file");
        if (key.secret && value.found != kind::text)
            return problem(where, std::string(key.path) + ": a secret does not belong into the file; use " +
                                      environment_name(key.path) + " or " + std::string(key.path) + "_file");
        set_by[std::string(key.path)] = where == "environment" ? environment_name(key.path) : std::string(where);
        if (key.set(result.values, value)) return;
        // A proxy's may hold a password, and where in it only one that is well-formed tells; what is no path may be
        // what the file should hold; beside an access key its secret may stand.
        bool hidden = key.secret || key.type == key_type::proxy || key.path.ends_with("_file") ||
                      key.path == "credentials.company_keys";
        std::string found = hidden ? "a value that is not shown" : quoted(value.text);
        if (value.found == kind::number) found = value.text;
        if (value.found == kind::boolean) found = value.text;
        if (value.found == kind::other) found = "a value of another type";
        const std::string wrong = key.wrong_part ? key.wrong_part(value.text) : "";
        problem(where, std::string(key.path) + ": " + (wrong.empty() ? "found " + found : printable(wrong)) +
                           ", allowed is " + key.allowed + how_to_write(key, value));
    }

    // What is right but for its form.
    static std::string how_to_write(const config_key& key, const raw_value& value)
    {
        bool is_bare = !value.text.empty() && std::all_of(value.text.begin(), value.text.end(), is_digit);
        bool is_time = key.type == key_type::duration;
        if (is_bare && (is_time || key.type == key_type::size))
            return "; write its unit: \"" + printable(value.text) + (is_time ? "s\"" : "MiB\"");
        bool is_json_list = key.type == key_type::list && value.found == kind::text && value.text.starts_with('[');
        return is_json_list ? "; here a list is written without brackets and quotes: A,B" : "";
    }
};

std::string as_json(const rapidjson::Value& v)
{
    rapidjson::StringBuffer buffer;
    rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
    v.Accept(writer);
    return std::string(buffer.GetString(), buffer.GetSize());
}

raw_value to_raw(const rapidjson::Value& v)
{
    auto text = [](const rapidjson::Value& s) { return std::string(s.GetString(), s.GetStringLength()); };
    if (v.IsString()) return {kind::string, text(v)};
    if (v.IsBool()) return {kind::boolean, v.GetBool() ? "true" : "false"};
    if (v.IsObject()) return {kind::object, as_json(v)};
    if (!v.IsArray()) return {kind::other, ""};
    if (!v.Empty() && v[0].IsObject()) return {kind::objects, as_json(v)};
    raw_value list{kind::list, ""};
    for (const auto& item : v.GetArray())
    {
        if (!item.IsString()) return {kind::other, ""};
        std::string one = text(item);
        if (one.empty() || one.find(',') != std::string::npos) return {kind::other, ""};
        list.text += (list.text.empty() ? "" : ",") + one;
    }
    return list;
}

// The shortest text that reads back as the same number.
std::string decimal_text(double d)
{
    char text[32];
    auto end = std::to_chars(text, text + sizeof text, d, std::chars_format::general).ptr;
    return std::string(text, end);
}

// `seen`: the paths of the whole file, as "budget.rate" and "budget": {"rate"} are the same key.
void walk(loader& to, const std::string& where, const std::string& prefix, const rapidjson::Value& object,
          std::set<std::string>& seen)
{
    for (const auto& member : object.GetObject())
    {
        std::string path = prefix + std::string(member.name.GetString(), member.name.GetStringLength());
        if (path == "$schema") continue;
        if (!seen.insert(path).second)
        {
            to.problem(where, printable(path) + ": stands there twice");
            continue;
        }
        const config_key* key = find_key(path);
        bool is_section = std::any_of(config_keys().begin(), config_keys().end(),
                                      [&](const config_key& k) { return k.path.starts_with(path + "."); });
        if (key)
        {
            raw_value value = to_raw(member.value);
            if (member.value.IsUint64())
                value = {kind::number, std::to_string(member.value.GetUint64())};
            else if (member.value.IsInt64())
                value = {kind::number, std::to_string(member.value.GetInt64())};
            else if (member.value.IsDouble())
                value = {kind::number, decimal_text(member.value.GetDouble())};
            to.assign(where, *key, value);
        }
        else if (is_section && member.value.IsObject())
            walk(to, where, path + ".", member.value, seen);
        else if (is_section)
            to.problem(where, path + ": is a section; expected {…}");
        else
            to.unknown(where, path, path);
    }
}

void read_file(loader& to, const std::string& name, const std::string& text)
{
    constexpr unsigned flags = rapidjson::kParseCommentsFlag | rapidjson::kParseTrailingCommasFlag |
                               rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag;
    if (is_utf16(text)) return to.problem(name, "is UTF-16; save it as UTF-8");
    rapidjson::Document document;
    document.Parse<flags>(text.data(), text.size());
    if (document.HasParseError())
    {
        auto line =
            std::count(text.begin(), text.begin() + long(std::min(document.GetErrorOffset(), text.size())), '\n');
        return to.problem(name + ":" + std::to_string(line + 1),
                          std::string("not JSON: ") + rapidjson::GetParseError_En(document.GetParseError()));
    }
    if (!document.IsObject()) return to.problem(name, "expected {…}");
    std::set<std::string> seen;
    walk(to, name, "", document, seen);
}

// Kubernetes injects CALLCACHE_PORT=tcp://…, CALLCACHE_PORT_4664_TCP… and CALLCACHE_SERVICE_… for a Service named
// callcache, CALLCACHE_METRICS_PORT and so on for callcache-metrics. A port alone, as in CALLCACHE_SERVER_PORT=4664, is
// an operator's mistake.
bool is_injected_by_kubernetes(std::string_view name, std::string_view value)
{
    if (name.find("SERVICE_") != std::string_view::npos) return true;
    if (name.ends_with("PORT") && value.find("://") != std::string_view::npos) return true;
    constexpr std::string_view port = "_PORT_";
    std::size_t at = name.rfind(port), digits_end = name.npos;
    if (at != name.npos) digits_end = name.find_first_not_of("0123456789", at + port.size());
    if (digits_end == name.npos || digits_end == at + port.size()) return false;
    std::string_view rest = name.substr(digits_end);
    return rest.starts_with("_TCP") || rest.starts_with("_UDP") || rest.starts_with("_SCTP");
}

// Files and folders that the libraries learn of by the environment, some as lists with colons.
bool names_files_to_libraries(std::string_view name)
{
    constexpr std::array<std::string_view, 8> names{
        "SSL_CERT_FILE",   "SSL_CERT_DIR",    "OPENSSL_CONF", "OPENSSL_MODULES",
        "OPENSSL_ENGINES", "LD_LIBRARY_PATH", "HOSTALIASES",  "TZDIR"};
    return std::find(names.begin(), names.end(), name) != names.end();
}

void add_paths(std::vector<std::string>& to, const std::string& list)
{
    for (std::size_t at = 0; at < list.size();)
    {
        std::size_t colon = std::min(list.find(':', at), list.size());
        if (colon > at) to.push_back(list.substr(at, colon - at));
        at = colon + 1;
    }
}

void read_environment(loader& to, const std::vector<std::pair<std::string, std::string>>& environment)
{
    for (const auto& [name, value] : environment)
    {
        if (names_files_to_libraries(name)) add_paths(to.result.values.also_read, value);
        if (value.empty() || !name.starts_with("CALLCACHE_") || name == "CALLCACHE_CONFIG") continue;
        if (is_injected_by_kubernetes(name, value)) continue;
        const config_key* key = nullptr;
        for (const config_key& k : config_keys())
            if (environment_name(k.path) == name) key = &k;
        if (key)
        {
            to.assign("environment", *key, {kind::text, value});
            continue;
        }
        // The first underscore parts the section from the key, so far as the nearest key is concerned.
        std::string path;
        for (char c : name.substr(10)) path += c == '_' && path.find('.') == path.npos ? '.' : lowered(c);
        to.unknown("environment", name, path);
    }
}

void read_assignments(loader& to, const std::vector<std::string>& assignments)
{
    for (const std::string& text : assignments)
    {
        std::size_t equals = text.find('=');
        if (equals == std::string::npos)
        {
            // It may be a secret with something else before it: no more than a key has is shown.
            std::size_t key_end = std::min(text.find_first_not_of("abcdefghijklmnopqrstuvwxyz_."), text.size());
            to.problem("--set", quoted(text.substr(0, key_end) + (key_end < text.size() ? "…" : "")) +
                                    ": expected KEY=VALUE, such as budget.rate=2");
            continue;
        }
        std::string path = text.substr(0, equals);
        if (const config_key* key = find_key(path))
            to.assign("command line", *key, {kind::text, text.substr(equals + 1)});
        else
            to.unknown("--set", path, path);
    }
}

// True if a listener of callcache's own answers there, as far as the texts tell: it would ask itself.
bool is_own_address(const host_port& at, const server_settings& s)
{
    auto answers = [&](const std::string& text) {
        auto own = parse_host_port(text);
        if (!own || own->port == 0 || own->port != at.port) return false;
        bool is_any = own->host == "0.0.0.0" || own->host == "::";
        bool is_name = own->host == "localhost" || at.host == "localhost";
        return own->host == at.host || ((is_any || (is_name && is_loopback(own->host))) && is_loopback(at.host));
    };
    return std::any_of(s.listen.begin(), s.listen.end(), answers) ||
           std::any_of(s.admin.begin(), s.admin.end(), answers);
}

// Where upstream.proxy leaves it to the environment, that is asked now that upstream is known.
void ask_environment_for_proxy(loader& to, const std::vector<std::pair<std::string, std::string>>& environment)
{
    upstream_settings& s = to.result.values.upstream;
    auto upstream = parse_origin(s.url);
    if (s.proxy != proxy_by_environment || !upstream) return;
    auto url = proxy_of_environment(environment, *upstream);
    if (!url) return;
    if (auto proxy = parse_proxy(*url); proxy && is_own_address(proxy->at, to.result.values.server))
    {
        s.own_proxy = proxy->text();
        url = "off";
    }
    const config_key& key = *find_key("upstream.proxy");
    to.set_by["upstream.proxy"] = "HTTPS_PROXY";
    if (!key.set(to.result.values, {kind::text, *url}))
        to.problem("environment", "HTTPS_PROXY: found a value that is not shown, allowed is " + key.allowed +
                                      "; set upstream.proxy to a proxy, or to off");
}

// What can stand before the colon of Basic (RFC 7617, section 2).
bool is_access_key(const std::string& text)
{
    return !text.empty() &&
           std::none_of(text.begin(), text.end(), [](unsigned char c) { return c <= ' ' || c == ':' || c >= 127; });
}

// The problems that are found.
struct checker
{
    std::vector<config_problem> found;
    void operator()(bool good, std::string text)
    {
        if (!good) found.push_back(std::move(text));
    }
};

// True if a listener on `a` is one on `b` too. A name but localhost is known by its text alone.
bool covers(const std::string& a, const std::string& b)
{
    bool is_v6 = b.find(':') != b.npos;
    bool is_v4 = !is_v6 && b.find_first_not_of("0123456789.") == b.npos;
    return a == b || (a == "0.0.0.0" && (is_v4 || b == "localhost")) || (a == "::" && (is_v6 || b == "localhost")) ||
           (a == "localhost" && (b == "127.0.0.1" || b == "::1"));
}

// The start would find the port taken, by itself.
void check_no_address_twice(const server_settings& s, checker& check)
{
    std::vector<std::pair<std::string_view, host_port>> all;
    for (const auto& [key, list] : {std::pair{"server.listen", s.listen}, {"server.admin", s.admin}})
        for (const std::string& text : list)
            if (auto at = parse_host_port(text); at && at->port != 0) all.emplace_back(key, *at);
    for (std::size_t i = 1; i < all.size(); ++i)
        for (std::size_t j = 0; j < i; ++j)
        {
            const auto& [key, at] = all[i];
            const auto& [other_key, other] = all[j];
            bool are_apart = at.port != other.port || (!covers(at.host, other.host) && !covers(other.host, at.host));
            const std::string is_other =
                std::string(key) + ": " + at.text() + " is the same address as " + other.text();
            check(are_apart, key == other_key ? is_other + "; leave one out"
                                              : is_other + " in server.listen; give it another port, such as 4665");
        }
}

void check_addresses(const settings& s, checker& check)
{
    auto upstream = parse_origin(s.upstream.url);
    check(upstream.has_value(), "upstream.url: found " + quoted_url(s.upstream.url) +
                                    ", allowed is https://host[:port] without a path, or http:// towards loopback");
    if (upstream && !upstream->tls && !is_loopback(upstream->at.host))
        check(s.upstream.insecure, "upstream.url: " + quoted_url(s.upstream.url) +
                                       " would send credentials unencrypted; use https://, or set upstream.insecure");

    check(s.upstream.proxy.empty() || s.upstream.proxy == proxy_by_environment || parse_proxy(s.upstream.proxy),
          "upstream.proxy: found a value that is not shown, allowed is http://[user:password@]host:port");

    check(!s.server.listen.empty(), "server.listen: needs at least one host:port");
    for (const auto& [key, list] : {std::pair{"server.listen", s.server.listen}, {"server.admin", s.server.admin}})
        for (const std::string& text : list)
        {
            auto at = parse_host_port(text);
            check(at.has_value(), std::string(key) + ": found " + quoted(text) + ", allowed is host:port, such as " +
                                      (std::string_view(key) == "server.listen" ? "localhost:4664" : "localhost:4665"));
        }
    check_no_address_twice(s.server, check);
    if (upstream)
        check(!is_own_address(upstream->at, s.server), "upstream.url: " + quoted_url(s.upstream.url) +
                                                           " is where callcache itself listens: it would ask itself");
    if (auto proxy = parse_proxy(s.upstream.proxy))
        check(!is_own_address(proxy->at, s.server),
              "upstream.proxy: " + proxy->text() + " is where callcache itself listens: it would ask itself");
    check(s.server.tls_certificate_file.empty() == s.server.tls_key_file.empty(),
          s.server.tls_key_file.empty()
              ? "server.tls_certificate_file: needs server.tls_key_file, the file of its private key"
              : "server.tls_key_file: needs server.tls_certificate_file, the file of its certificate");
}

void check_credentials(const settings& s, checker& check)
{
    const auto& k = s.credentials;
    bool beyond_loopback = std::any_of(s.server.listen.begin(), s.server.listen.end(), [](const std::string& text) {
        auto at = parse_host_port(text);
        return at && !is_loopback(at->host);
    });
    bool has_key = !k.access_key.empty() || !k.access_key_file.empty();
    bool has_secret = !k.access_key_secret.empty() || !k.access_key_secret_file.empty();
    bool has_bearer = !k.bearer_token.empty() || !k.bearer_token_file.empty();
    if (k.mode == credentials_mode::inject)
    {
        check(has_bearer ? !has_key && !has_secret : has_key && has_secret,
              "credentials.mode: inject needs either credentials.access_key_file and "
              "credentials.access_key_secret_file, or credentials.bearer_token_file (or their environment variables "
              "without _FILE), and not both");
        check(
            !beyond_loopback || !k.clients_file.empty(),
            "server.listen: with credentials.mode inject anybody who reaches the address may use the company's "
            "credential. Ways out: listen on loopback alone; give each tool a token (credentials.clients_file); or use "
            "credentials.mode forward");
    }
    else
    {
        check(k.clients_file.empty(), "credentials.clients_file: is for credentials.mode inject");
        check(k.name.empty(), "credentials.name: is for credentials.mode inject");
    }
    if (k.mode == credentials_mode::forward)
        check(!has_key && !has_secret && !has_bearer,
              "credentials.mode: a credential is set, but mode is forward; set it to inject");

    bool company = k.share == credentials_share::company;
    check(!company || !k.company_keys.empty(),
          "credentials.share: company needs credentials.company_keys, the access keys that share one cache");
    check(company || k.company_keys.empty(), "credentials.company_keys: is for credentials.share company");
    check(std::all_of(k.company_keys.begin(), k.company_keys.end(), is_access_key),
          "credentials.company_keys: found a value that is not shown, allowed is a list of access keys, each without a "
          "colon and its secret");
}

void check_cache_and_budget(const settings& s, checker& check)
{
    const auto& c = s.cache.calls;
    check(c.fresh_min <= c.fresh_max, "cache.calls.fresh_min: is larger than cache.calls.fresh_max");
    check(c.fresh_max <= c.keep_max, "cache.calls.fresh_max: is larger than cache.calls.keep_max");
    check(c.not_found_min <= c.not_found_max, "cache.calls.not_found_min: is larger than cache.calls.not_found_max");
    check(double(s.budget.burst) <= std::max(1.0, s.budget.rate),
          "budget.burst: found " + std::to_string(s.budget.burst) + ", allowed is at most max(1, budget.rate)");
    check(s.budget.tools.empty() || s.budget.daily == 0 ||
              std::all_of(s.budget.tools.begin(), s.budget.tools.end(),
                          [&](const auto& t) { return t.second.daily.value_or(0) <= s.budget.daily; }),
          "budget.tools: a tool's daily is larger than budget.daily");
    check(s.budget.path.empty() || s.budget.path != s.cache.path || s.cache.path == ":memory:",
          "budget.path: is the same file as cache.path");
    if (auto route = useless_route(s.cache.routes)) check(false, "cache.routes: " + *route);
    check(!s.cache.path.empty(), "cache.path: found \"\", allowed is a file, or :memory: for the memory tier alone");
}

loader read_all(const config_sources& sources)
{
    loader to;
    if (!sources.file_name.empty()) to.result.values.also_read.push_back(sources.file_name);
    if (sources.file_text) read_file(to, sources.file_name, *sources.file_text);
    read_environment(to, sources.environment);
    read_assignments(to, sources.assignments);
    if (!to.result.problems.empty()) return to;  // what follows from a refused value is noise
    // An operator who lets lookups queue for longer means that they are answered then.
    settings defaults, &s = to.result.values;
    milliseconds beyond_the_queue = defaults.server.answer_max - defaults.budget.wait_max;
    if (!to.is_set("server.answer_max"))
        s.server.answer_max = std::max(s.server.answer_max, s.budget.wait_max + beyond_the_queue);
    if (!to.is_set("budget.burst"))
        s.budget.burst = std::uint64_t(std::min(double(defaults.budget.burst), std::max(1.0, s.budget.rate)));
    ask_environment_for_proxy(to, sources.environment);
    auto contradicting = contradictions(s);
    to.result.problems.insert(to.result.problems.end(), contradicting.begin(), contradicting.end());
    return to;
}

}  // namespace

loaded_settings load_settings(const config_sources& sources)
{
    return read_all(sources).result;
}

std::map<std::string, std::string> sources_of(const config_sources& sources)
{
    return read_all(sources).set_by;
}

std::optional<std::string> own_proxy_warning(const settings& s)
{
    if (s.upstream.own_proxy.empty()) return std::nullopt;
    return "HTTPS_PROXY names " + s.upstream.own_proxy +
           ", where callcache itself listens: it is not used. Set upstream.proxy to the company's proxy, if there is "
           "one";
}

std::vector<config_problem> contradictions(const settings& s)
{
    checker check;
    check_addresses(s, check);
    check_credentials(s, check);
    check_cache_and_budget(s, check);
    return std::move(check.found);
}

}  // namespace callcache
