// `callcache stats`: what a running callcache has to say, once or again and again.

#include "server/commands/admin_client.hpp"
#include "server/commands/answer_trouble.hpp"
#include "server/commands/commands.hpp"
#include "server/commands/stats_text.hpp"
#include "server/text/escape.hpp"

#include <poll.h>
#include <unistd.h>

#include <cstdio>
#include <functional>

namespace callcache
{
namespace
{

constexpr auto patience = std::chrono::seconds(5);
constexpr int again_after_ms = 1000;
constexpr const char* to_the_top = "\x1b[H\x1b[2J";  // of the terminal, which is emptied

// False if whoever reads has gone.
bool wait_for_the_next()
{
    pollfd reader{STDOUT_FILENO, 0, 0};
    return poll(&reader, 1, again_after_ms) == 0;
}

// The text, or why there is none.
struct seen
{
    std::string text, trouble;
};

seen look(const own_address& self, const std::string& token)
{
    auto answer = ask_self(self, "GET", "/stats", patience, token);
    auto text = answer.status == 200 ? stats_text(answer.body) : std::nullopt;
    return text ? seen{*text, ""} : seen{"", answer_trouble(self, answer, "did not show its stats")};
}

// On a terminal all of it each second; otherwise the first line, whenever it changes.
int watch(const std::function<seen()>& look_again, seen now)
{
    const bool terminal = isatty(STDOUT_FILENO);
    std::string before;
    for (;; now = look_again())
    {
        std::string text = now.trouble.empty() ? now.text : harmless(now.trouble) + "\n";
        std::string line = text.substr(0, text.find('\n') + 1);
        if (terminal)
            std::fputs((to_the_top + text).c_str(), stdout);
        else if (line != before)
            std::fputs(line.c_str(), stdout);
        before = line;
        if (std::fflush(stdout) != 0 || !wait_for_the_next()) return 0;
    }
}

}  // namespace

int stats(const settings& config, bool watching)
{
    auto door = admin_door_of(config);
    if (auto* closed = std::get_if<std::string>(&door)) return refuse(*closed);
    const auto& [self, token] = std::get<admin_door>(door);
    seen first = look(self, token);
    if (!first.trouble.empty()) return refuse(first.trouble);
    if (watching) return watch([&d = std::get<admin_door>(door)] { return look(d.at, d.token); }, std::move(first));
    return std::fputs(first.text.c_str(), stdout), 0;
}

}  // namespace callcache
