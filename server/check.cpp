// `callcache check`: prints the effective configuration. That it is valid was found out before.

#include "config/keys.hpp"
#include "server/commands.hpp"
#include "server/credential.hpp"

#include <algorithm>
#include <cstdio>

namespace callcache
{

int check(const settings& config)
{
    if (config.credentials.mode == credentials_mode::inject)
    {
        auto read = read_injected(config.credentials);
        if (auto* trouble = std::get_if<std::string>(&read))
        {
            std::fprintf(stderr, "%s\n", trouble->c_str());
            return 1;
        }
    }
    settings defaults;
    std::size_t width = 0;
    for (const config_key& k : config_keys()) width = std::max(width, k.path.size());
    for (const config_key& k : config_keys())
    {
        std::string value = k.show(config);
        bool changed = value != k.show(defaults);
        std::printf("%-*s  %s%s\n", int(width), std::string(k.path).c_str(), value.empty() ? "-" : value.c_str(),
                    changed ? "   (set)" : "");
    }
    std::printf("\nThe configuration is valid.\n");
    return 0;
}

}  // namespace callcache
