// The Kubernetes manifests that are handed out: what they say about the budget.

#include "tests/support/programs.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <regex>
#include <sstream>

using namespace callcache::test;

namespace
{

constexpr double company_rate = 3, company_daily = 10'000;
constexpr int pods_max = 3;  // as their comments say

std::string text_of(const std::string& manifest)
{
    std::ostringstream text;
    text << std::ifstream(std::string(CALLCACHE_SOURCE) + "/docker/kubernetes/" + manifest).rdbuf();
    return text.str();
}

// NAME=value of each budget variable.
std::vector<std::string> budget_of(const std::string& manifest)
{
    const std::string yaml = text_of(manifest);
    const std::regex variable("\\{name: (CALLCACHE_BUDGET_[A-Z]+), value: \"([^\"]*)\"\\}");
    std::vector<std::string> found;
    for (std::sregex_iterator at(yaml.begin(), yaml.end(), variable), end; at != end; ++at)
        found.push_back((*at)[1].str() + "=" + (*at)[2].str());
    return found;
}

double value(const std::vector<std::string>& variables, const std::string& name)
{
    for (const std::string& v : variables)
        if (v.starts_with(name + "=")) return std::stod(v.substr(name.size() + 1));
    FAIL(name, " is not set");
    return 0;
}

}  // namespace

TEST_SUITE_BEGIN("program");

TEST_CASE("manifests: three pods together keep to the company's limit, in every second too")
{
    for (const char* manifest : {"pod.yaml", "job.yaml"})
    {
        CAPTURE(manifest);
        child::wishes w;
        w.environment = budget_of(manifest);
        CHECK(pods_max * value(w.environment, "CALLCACHE_BUDGET_RATE") <= company_rate);
        CHECK(pods_max * value(w.environment, "CALLCACHE_BUDGET_DAILY") <= company_daily);
        finished checked = run(callcache_program, {"check"}, w);
        CHECK(checked.code == 0);
        CHECK(checked.output.find("Warning") == std::string::npos);
    }
}

TEST_CASE("manifests: the Deployment for everybody is one pod at any time, with the company's whole limit")
{
    const std::string yaml = text_of("deployment.yaml");
    CHECK(yaml.find("\n  replicas: 1 ") != std::string::npos);
    CHECK(yaml.find("\n    type: Recreate ") != std::string::npos);
    CHECK(budget_of("deployment.yaml").empty());
}

TEST_CASE("check: a share that one second can exceed is warned of, and is valid all the same")
{
    finished checked = run(callcache_program, {"check", "--set", "budget.rate=1.5", "--set", "budget.burst=1"});
    CHECK(checked.code == 0);
    CHECK(checked.output.find("\nWarning: budget.rate 1.5 with budget.burst 1 can put 2 requests into one second") !=
          std::string::npos);
}

TEST_SUITE_END();
