// The program's command line.

#include "cache/call_id.hpp"
#include "config/keys.hpp"
#include "config/load.hpp"
#include "config/sources.hpp"
#include "config/tool_table.hpp"
#include "server/commands/admin_client.hpp"
#include "server/commands/commands.hpp"
#include "server/commands/warming.hpp"
#include "server/secrets/credential.hpp"
#include "server/secrets/whole_file.hpp"
#include "server/text/escape.hpp"
#include "server/version.hpp"

#include <CLI/CLI.hpp>

#include <malloc.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
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
    for (const key_flag& s : key_flags())
        command
            .add_option_function<std::string>(
                std::string(s.flag),
                [&f, key = std::string(s.key)](const std::string& v) { f.assignments.push_back(key + "=" + v); },
                std::string(find_key(s.key)->meaning) + " (" + std::string(s.key) + ")")
            ->type_name(std::string(s.value));
    command
        .add_option_function<std::vector<std::string>>(
            "--set",
            [&f](const std::vector<std::string>& v) { f.assignments.insert(f.assignments.end(), v.begin(), v.end()); },
            "Any configuration key, such as budget.rate=2; `callcache check --all` lists them")
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

// Of a tool, as the commands that ask Gong take it; empty if there is none.
struct tool_credential
{
    std::string access_key, authorization;
    std::string missing;  // the variable that is not set beside the other
};

tool_credential credential_of(const variables& environment)
{
    std::string key, secret;
    for (const auto& [name, value] : environment)
    {
        if (name == "GONG_ACCESS_KEY") key = value;
        if (name == "GONG_ACCESS_KEY_SECRET") secret = value;
    }
    if (key.empty() && secret.empty()) return {};
    if (key.empty()) return {"", "", "GONG_ACCESS_KEY"};
    if (secret.empty()) return {"", "", "GONG_ACCESS_KEY_SECRET"};
    return {key, "Basic " + base64(key + ":" + secret), ""};
}

void add_check_flags(CLI::App& command, check_wishes& wishes)
{
    command.add_flag("--all", wishes.all, "Prints the keys that have their defaults too");
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

// Why something is not what can be kept; empty if it is.
std::string wrong_in_name(const std::string& text)
{
    if (is_purgeable(text)) return "";
    return "\"" + harmless(text) +
           "\" is no call's id. That is 1 to 20 digits, such as 7782342274025937895: in Gong's "
           "web address of the call they stand behind id=. A kept route (cache.routes) is named by its path, such as "
           "/v2/users/7";
}

void add_purge_flags(CLI::App& command, purge_order& order)
{
    CLI::Option* ids =
        command
            .add_option("ID", order.names, "A call's id, or the path of a kept route (cache.routes); with any query")
            ->check(wrong_in_name);
    command.add_flag("--all", order.all, "Everything that is kept")->excludes(ids);
}

void add_explain_flags(CLI::App& command, explain_wishes& wishes)
{
    command.add_option("ID", wishes.id, "A call's id, or the path of a kept route (cache.routes)")
        ->required()
        ->check(wrong_in_name);
    command.add_option("--tool", wishes.tool, "As if this tool asked, as it names itself in /@name/")
        ->type_name("NAME")
        ->check([](const std::string& text) {
            return is_tool_name(text) ? "" : "a tool's name is 1 to 64 letters, digits, '-', '_' or '.'";
        });
}

// A file that cannot be read, or a folder, says why and what to do.
std::string why_unreadable(const std::string& file)
{
    std::error_code error;
    if (std::filesystem::is_directory(file, error)) return "\"" + file + "\" is a folder; name the file in it";
    return "cannot read \"" + file + "\"" +
           (std::filesystem::exists(file, error) ? ": " + std::string(std::strerror(errno))
                                                 : ": there is no such file");
}

config_sources read_sources(const flags& f, const variables& environment)
{
    config_sources sources{f.config, std::nullopt, environment, f.assignments};
    if (!f.config.empty()) sources.file_text = read_whole_file(f.config);
    return sources;
}

loaded_settings load(const flags& f, const variables& environment)
{
    const config_sources sources = read_sources(f, environment);
    if (!f.config.empty() && !sources.file_text) return {{}, {"--config: " + why_unreadable(f.config)}};
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
        {"check", "Validates the configuration, and prints what was set and by what; no secrets",
         "Example: callcache check --live 7782342274025937895",
         [&w](const settings& s) { return check(s, w.checking); }},
        {"health", "Exits with 0 if a running callcache is ready", "Example: callcache health && echo ready", health},
        {"explain", "Shows what is kept of a call, and how its next request would be answered, and why",
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

bool everything(const CLI::App*)
{
    return true;
}

// Null if there is none.
const CLI::App* find_command(const CLI::App& app, const std::string& name)
{
    auto found = app.get_subcommands([&](const CLI::App* c) { return c->get_name() == name; });
    return found.empty() ? nullptr : found.front();
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
                                          "Goes on: on a terminal the whole page each second, otherwise the first line "
                                          "whenever it changes");
    add_warm_flags(*app.get_subcommand("warm"), w.warming);
    add_purge_flags(*app.get_subcommand("purge"), w.purging);
    add_explain_flags(*app.get_subcommand("explain"), w.explaining);
    app.get_subcommand("snapshot")->add_option("FILE", w.copy, "It must not exist")->required();
    app.add_subcommand("help", "Explains a command and its flags: callcache help COMMAND");  // see main()
}

std::string meant(const std::string& written, const std::vector<std::string>& names)
{
    const std::string near = nearest_name(written, names);
    return near.empty() ? "" : "; did you mean " + near + "?";
}

// What is wrong with a command line that CLI11 refuses, and what was meant as far as that can be told.
std::string usage_trouble(const CLI::App& app, const std::vector<std::string>& arguments, const CLI::ParseError& e)
{
    std::vector<std::string> commands, flags;
    for (const CLI::App* c : app.get_subcommands(everything)) commands.push_back(c->get_name());
    if (arguments.empty()) return "a command is missing, such as `callcache serve`";
    if (arguments.front().starts_with('-'))
        return "a command comes first, as in `callcache serve " + arguments.front() + "`";
    const std::string& name = arguments[arguments.front() == "help" && arguments.size() > 1];
    const CLI::App* command = find_command(app, name);
    if (!command)
        return "there is no command \"" + name + "\"" +
               meant(name == "start" || name == "run" ? "serve" : name, commands);
    for (const CLI::Option* o : command->get_options())
        for (const std::string& long_name : o->get_lnames()) flags.push_back("--" + long_name);
    for (std::string flag : arguments)
    {
        flag.resize(std::min(flag.find('='), flag.size()));
        if (flag.starts_with("--") && std::find(flags.begin(), flags.end(), flag) == flags.end())
            return command->get_name() + " has no flag " + flag + meant(flag, flags);
    }
    return e.what();
}

// Reads the command line into what the flags name. The exit code, if there is nothing more to do.
std::optional<int> parse(CLI::App& app, int argc, char** argv, const wishes& w)
{
    // `help serve` is `serve --help`.
    std::vector<const char*> words(argv, argv + argc);
    const bool is_help = argc > 1 && std::string_view(argv[1]) == "help";
    if (is_help) words.erase(words.begin() + 1);
    if (is_help) words.push_back("--help");
    try
    {
        if (is_help && words.size() > 2 && !find_command(app, words[1])) throw CLI::ExtrasError({words[1]});
        app.parse(int(words.size()), words.data());
        if (app.got_subcommand("purge") && !w.purging.all && w.purging.names.empty())
            throw CLI::ValidationError("purge", "needs an ID, or --all");
    }
    catch (const CLI::ParseError& e)
    {
        if (e.get_exit_code() == 0) return app.exit(e);
        refuse(usage_trouble(app, {argv + 1, argv + argc}, e));
        std::fputs("More: callcache help\n", stderr);
        return 2;
    }
    return std::nullopt;
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

    if (auto code = parse(app, argc, argv, w)) return *code;
    w.checking.live = app.get_subcommand("check")->count("--live") > 0;
    const tool_credential credential = credential_of(w.environment);
    w.checking.authorization = w.warming.authorization = credential.authorization;
    w.warming.access_key = credential.access_key;
    loaded_settings loaded = load(w.configuration, w.environment);
    for (const std::string& problem : loaded.problems) std::fprintf(stderr, "callcache: %s\n", problem.c_str());
    if (!loaded.problems.empty()) return 1;
    const credentials_settings& whose = loaded.values.credentials;
    bool is_used = (app.got_subcommand("warm") || w.checking.live) &&
                   (whose.mode == credentials_mode::forward || !whose.clients_file.empty());
    if (is_used && !credential.missing.empty())
        return refuse("only one of GONG_ACCESS_KEY and GONG_ACCESS_KEY_SECRET is set: " + credential.missing +
                      " is missing");
    if (app.got_subcommand("check")) w.checking.set_by = sources_of(read_sources(w.configuration, w.environment));
    for (const command& c : commands)
        if (app.got_subcommand(c.name)) return c.run(loaded.values);
    return 2;
}
