// What the operator asks for, with the defaults. Names, bounds and meanings stand in keys.cpp, which is what parsing,
// `callcache check`, the JSON schema and the example are made from.
#pragma once

#include "config/budget_settings.hpp"
#include "config/cache_settings.hpp"

#include <chrono>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace callcache
{

enum class run_mode
{
    online,
    offline,  // only what is kept is served; nothing goes upstream
};

struct server_settings
{
    std::vector<std::string> listen{"localhost:4664"};
    std::vector<std::string> admin{"localhost:4665"};  // empty: off
    std::string admin_token_file;                      // for the admin address beyond loopback
    std::vector<std::string> hosts;                    // inject: further names that a Host header may carry
    std::uint64_t threads = 0;                         // 0: one a core, at most 4
    std::string tls_certificate_file, tls_key_file;    // both: the tools' address speaks TLS alone
    std::uint64_t connections_max = 4096;
    milliseconds header_timeout = 10s;
    milliseconds idle_timeout = 75s;
    milliseconds drain_timeout = 8s;
    std::uint64_t header_bytes_max = 16 << 10;
    std::uint64_t request_body_max = std::uint64_t(2) << 30;
    milliseconds answer_max = 28s;
};

// The value of upstream.proxy that leaves it to HTTPS_PROXY and NO_PROXY. Loading the configuration puts in its place
// what these say; where they say nothing it stays, and means none.
inline constexpr const char* proxy_by_environment = "environment";

struct upstream_settings
{
    std::string url = "https://api.gong.io";
    bool insecure = false;                     // allows http:// beyond loopback
    std::string ca_file;                       // empty: the system's
    std::string proxy = proxy_by_environment;  // a URL, perhaps with a password; empty: none
    std::string own_proxy = {};                // what HTTPS_PROXY names if that is callcache itself: it is not used
    milliseconds connect_timeout = 5s;
    std::uint64_t connections_max = 8;
    milliseconds response_timeout = 15s;
    milliseconds pass_timeout = 60s;
};

enum class credentials_mode
{
    forward,  // each tool sends its own credential
    inject,   // the proxy holds the credential
};

enum class credentials_share
{
    per_credential,  // each credential has a cache of its own
    company,         // the access keys that are listed share one
};

struct credentials_settings
{
    credentials_mode mode = credentials_mode::forward;
    std::string access_key_file, access_key_secret_file, bearer_token_file;
    std::string access_key, access_key_secret, bearer_token;  // from the environment alone; never shown
    std::string clients_file;                                 // inject: name and token of each tool
    std::string name;  // inject: what is kept is kept under it; empty: under the access key, or the token's file
    credentials_share share = credentials_share::per_credential;
    std::vector<std::string> company_keys;  // access keys; the first names the cache that they share
    milliseconds trust = 1h;
};

enum class bulk_mode
{
    automatic,  // when single lookups would take longer, or the day runs out
    off,
};

struct bulk_settings
{
    bulk_mode mode = bulk_mode::automatic;
    std::uint64_t ids_max = 100;
    std::uint64_t bytes_max = 64 << 20;  // of one answer with several transcripts or extensive records, decoded
};

enum class log_format
{
    automatic,  // text on a terminal, JSON lines otherwise
    text,
    json,
};

enum class log_level
{
    debug,
    info,
    warn,
    error,
};

enum class log_access
{
    off,
    misses,  // a line for each upstream request
    all,     // and one for each answer
};

struct log_settings
{
    log_format format = log_format::automatic;
    log_level level = log_level::info;
    log_access access = log_access::misses;
};

struct alerts_settings
{
    std::string webhook_file;  // holds the URL that alerts are sent to; empty: none are
};

struct settings
{
    run_mode mode = run_mode::online;
    server_settings server;
    upstream_settings upstream;
    credentials_settings credentials;
    cache_settings cache;
    budget_settings budget;
    bulk_settings bulk;
    alerts_settings alerts;
    log_settings log;
    std::vector<std::string> also_read;  // the configuration's file, and those that the environment names to libraries
};

}  // namespace callcache
