// The program's command line.

#include "cache/call_id.hpp"
#include "config/keys.hpp"
#include "config/load.hpp"
#include "config/tool_table.hpp"
#include "server/commands/commands.hpp"
#include "server/commands/warming.hpp"
#include "server/secrets/credential.hpp"
#include "server/secrets/whole_file.hpp"
#include "server/version.hpp"

#include <CLI/CLI.hpp>

#include <malloc.h>

#include <csignal>
#include <cstdio>
#include <functional>

extern char** environ;

namespace
{

using namespace callcache;

struct flags
{
    std::string config;
    std::vector<std::string> assignments;
};

// The same for every command, so that `health` and `check` see what `serve` sees.
void add_config_flags(CLI::App& command, flags& f)
{
    command.add_option("--config", f.config, "Configuration, JSON with comments")
        ->envname("CALLCACHE_CONFIG")
        ->type_name("FILE");
    struct
    {
        std::string flag, key, value;
    } shortcuts[] = {{"--listen", "server.listen", "HOST:PORT"},
                     {"--admin", "server.admin", "HOST:PORT"},
                     {"--upstream", "upstream.url", "URL"},
                     {"--db", "cache.path", "FILE"}};
    for (const auto& s : shortcuts)
        command
            .add_option_function<std::string>(
                s.flag, [&f, key = s.key](const std::string& v) { f.assignments.push_back(key + "=" + v); },
                std::string(find_key(s.key)->meaning) + " (" + s.key + ")")
            ->type_name(s.value);
    command
        .add_option_function<std::vector<std::string>>(
            "--set",
            [&f](const std::vector<std::string>& v) { f.assignments.insert(f.assignments.end(), v.begin(), v.end()); },
            "Any configuration key, such as budget.rate=2; `callcache check` lists them")
        ->allow_extra_args(false)
        ->type_name("KEY=VALUE");
}

using variables = std::vector<std::pair<std::string, std::string>>;

variables read_environment()
{
    variables all;
    for (char** variable = environ; *variable; ++variable)
    {
        std::string text = *variable;
        std::size_t equals = text.find('=');
        if (equals != std::string::npos) all.emplace_back(text.substr(0, equals), text.substr(equals + 1));
    }
    return all;
}

// Of a tool, as the commands that ask the vendor take it; empty if there is none.
struct tool_credential
{
    std::string access_key, authorization;
};

tool_credential credential_of(const variables& environment)
{
    std::string key, secret;
    for (const auto& [name, value] : environment)
    {
        if (name == "GONG_ACCESS_KEY") key = value;
        if (name == "GONG_ACCESS_KEY_SECRET") secret = value;
    }
    if (key.empty() || secret.empty()) return {};
    return {key, "Basic " + base64(key + ":" + secret)};
}

void add_check_flags(CLI::App& command, check_wishes& wishes)
{
    command
        .add_option("--live", wishes.id,
                    "Asks Gong too, with at most 2 API calls: DNS, proxy, TLS, credential, bulk reads. With the ID of "
                    "a call, or one of the last day. With credentials.mode forward the credential is taken from "
                    "GONG_ACCESS_KEY and GONG_ACCESS_KEY_SECRET")
        ->expected(0, 1)
        ->type_name("[ID]")
        ->check(
            [](const std::string& id) { return id.empty() || is_call_id(id) ? "" : "a call's id is 1 to 20 digits"; });
}

void add_warm_flags(CLI::App& command, warm_wishes& wishes)
{
    auto date = [](const std::string& text) {
        return parse_warm_date(text) ? "" : "a date is 2026-10-01 (its midnight in UTC) or 2026-10-01T08:00:00+02:00";
    };
    command.add_option("--from", wishes.from, "The calls that started from then on")
        ->required()
        ->type_name("DATE")
        ->check(date);
    command.add_option("--to", wishes.to, "Until then; the date itself is not part of it")
        ->required()
        ->type_name("DATE")
        ->check(date);
    command.add_option("--workspace", wishes.workspace, "Of one of Gong's workspaces alone")
        ->type_name("ID")
        ->check([](const std::string& id) { return is_call_id(id) ? "" : "a workspace's id is 1 to 20 digits"; });
    command
        .add_option("--cursor-file", wishes.cursor_file,
                    "Where it keeps how far it has come, until it is done; otherwise a name made of the range, in the "
                    "working folder")
        ->type_name("FILE");
    command.callback([&wishes] {
        if (*parse_warm_date(wishes.from) >= *parse_warm_date(wishes.to))
            throw CLI::ValidationError("--to", "must be later than --from");
    });
}

void add_purge_flags(CLI::App& command, purge_order& order)
{
    auto name = [](const std::string& text) {
        return is_purgeable(text) ? "" : "is neither a call's id, of 1 to 20 digits, nor a path such as /v2/users/7";
    };
    CLI::Option* ids =
        command
            .add_option("ID", order.names, "A call's id, or the path of a kept route (cache.routes); with any query")
            ->check(name);
    command.add_flag("--all", order.all, "Everything that is kept")->excludes(ids);
}

void add_explain_flags(CLI::App& command, explain_wishes& wishes)
{
    command.add_option("ID", wishes.id, "A call's id, or the path of a kept route (cache.routes)")
        ->required()
        ->check([](const std::string& text) { return is_purgeable(text) ? "" : "is neither a call's id nor a path"; });
    command.add_option("--tool", wishes.tool, "As if this tool asked, as it names itself in /@name/")
        ->type_name("NAME")
        ->check([](const std::string& text) { return is_tool_name(text) ? "" : "is not a tool's name"; });
}

loaded_settings load(const flags& f, const variables& environment)
{
    config_sources sources;
    sources.assignments = f.assignments;
    sources.environment = environment;
    if (!f.config.empty())
    {
        sources.file_name = f.config;
        sources.file_text = read_whole_file(f.config);
        if (!sources.file_text) return {{}, {"--config: cannot read \"" + f.config + "\""}};
    }
    return load_settings(sources);
}

// What the command line says.
struct wishes
{
    const variables environment = read_environment();
    flags configuration;
    check_wishes checking;
    warm_wishes warming;
    purge_order purging;
    explain_wishes explaining;
    std::string copy;
    bool watching = false;
};

struct command
{
    const char *name, *what, *example;
    std::function<int(const settings&)> run;
};

// `w` outlives them.
std::vector<command> commands_for(wishes& w)
{
    return {
        {"serve", "Runs the proxy", "Example: callcache serve --upstream https://us-12345.api.gong.io",
         [&w](const settings& s) { return serve(s, [&w] { return load(w.configuration, w.environment); }); }},
        {"check", "Validates the configuration and prints the effective one, without secrets",
         "Example: callcache check --live 7782342274025937895",
         [&w](const settings& s) { return check(s, w.checking); }},
        {"health", "Exits with 0 if a running callcache is ready", "Example: callcache health && echo ready", health},
        {"explain", "Says what is kept of a call, and what its next request would be answered and why",
         "Example: callcache explain 7782342274025937895\nOr of a kept route: callcache explain /v2/users/7",
         [&w](const settings& s) { return explain(s, w.explaining); }},
        {"purge", "Drops what a running callcache keeps of calls, under every credential; done when it is durable",
         "Example: callcache purge 7782342274025937895 /v2/users/7\nOr all of it: callcache purge --all",
         [&w](const settings& s) { return purge(s, w.purging); }},
        {"reload", "Has a running callcache read its configuration again, and says what has changed",
         "Example: callcache reload\nIt reads its own file, environment and flags, as SIGHUP makes it do; what is "
         "wrong changes nothing.",
         reload},
        {"snapshot", "Copies the database, also that of a running callcache, to a new file",
         "Example: callcache snapshot calls.db && callcache serve --set mode=offline --db calls.db",
         [&w](const settings& s) { return snapshot(s, w.copy); }},
        {"stats", "Shows what a running callcache has spent, kept and answered", "Example: callcache stats --watch",
         [&w](const settings& s) { return stats(s, w.watching); }},
        {"resume", "Ends a pause that Gong asked for with a 429, in a running callcache", "Example: callcache resume",
         resume},
        {"warm", "Reads the calls of a range of time through a running callcache, which keeps them",
         "Example: callcache warm --from 2026-10-01 --to 2026-11-01\nThe credential is that of GONG_ACCESS_KEY and "
         "GONG_ACCESS_KEY_SECRET, as a tool's; with credentials.mode inject none is needed. It gives way to tools, "
         "stops where the budget holds the rest of the day for them, and goes on when it is called again.",
         [&w](const settings& s) { return warm(s, w.warming); }},
    };
}

// Adds each command with its flags. What is wrong with several of them together is found once they are parsed.
void add_commands(CLI::App& app, const std::vector<command>& commands, wishes& w)
{
    for (const command& c : commands)
    {
        CLI::App* sub = app.add_subcommand(c.name, c.what);
        sub->footer(c.example);
        add_config_flags(*sub, w.configuration);
    }
    add_check_flags(*app.get_subcommand("check"), w.checking);
    app.get_subcommand("stats")->add_flag("--watch", w.watching,
                                          "Again and again: on a terminal all of it, each second; otherwise the first "
                                          "line, whenever it changes");
    add_warm_flags(*app.get_subcommand("warm"), w.warming);
    add_purge_flags(*app.get_subcommand("purge"), w.purging);
    add_explain_flags(*app.get_subcommand("explain"), w.explaining);
    app.get_subcommand("snapshot")->add_option("FILE", w.copy, "It must not exist")->required();
}

}  // namespace

int main(int argc, char** argv)
{
    // A few threads that allocate little: arenas of their own would only cost memory.
    mallopt(M_ARENA_MAX, 2);

    // A long answer that goes is given back to the system. Otherwise the bound grows with the longest that went, and
    // the holes between those that stay are lost.
    mallopt(M_MMAP_THRESHOLD, 128 << 10);

    // A reader that has gone is an error of the write, and not a signal.
    std::signal(SIGPIPE, SIG_IGN);

    CLI::App app{
        "callcache: answers GET /v2/calls/{id} of the Gong API from a local cache, and keeps to the company's "
        "budget upstream.\n\nStart it with `callcache serve`, and set a tool's base URL to http://localhost:4664"};
    app.set_version_flag("--version", std::string("callcache ") + version);
    app.require_subcommand(1);
    wishes w;
    const std::vector<command> commands = commands_for(w);
    add_commands(app, commands, w);
    try
    {
        app.parse(argc, argv);
        if (app.got_subcommand("purge") && !w.purging.all && w.purging.names.empty())
            throw CLI::ValidationError("purge", "needs an ID, or --all");
    }
    catch (const CLI::ParseError& e)
    {
        return app.exit(e) == 0 ? 0 : 2;
    }

    w.checking.live = app.get_subcommand("check")->count("--live") > 0;
    const tool_credential credential = credential_of(w.environment);
    w.checking.authorization = w.warming.authorization = credential.authorization;
    w.warming.access_key = credential.access_key;
    loaded_settings loaded = load(w.configuration, w.environment);
    for (const std::string& problem : loaded.problems) std::fprintf(stderr, "callcache: %s\n", problem.c_str());
    if (!loaded.problems.empty()) return 1;
    for (const command& c : commands)
        if (app.got_subcommand(c.name)) return c.run(loaded.values);
    return 2;
}
