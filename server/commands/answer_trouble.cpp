#include "server/commands/answer_trouble.hpp"

#include <rapidjson/document.h>

namespace callcache
{

std::optional<std::string> own_error(std::string_view body)
{
    constexpr std::string_view self = "callcache: ";
    rapidjson::Document d;
    d.Parse<rapidjson::kParseIterativeFlag>(body.data(), body.size());
    bool has_errors = !d.HasParseError() && d.IsObject() && d.HasMember("errors") && d["errors"].IsArray() &&
                      !d["errors"].Empty() && d["errors"][0].IsString();
    if (!has_errors) return std::nullopt;
    std::string_view text(d["errors"][0].GetString(), d["errors"][0].GetStringLength());
    if (!text.starts_with(self)) return std::nullopt;
    return std::string(text.substr(self.size()));
}

std::string answer_trouble(const own_address& asked, const own_answer_read& answer, std::string_view did_not,
                           std::string_view flag)
{
    const std::string at = asked.at.text(), name_another = std::string(flag) + " HOST:PORT";
    if (!answer.is_reached)
        return "nothing answers at " + at + " (" + answer.trouble +
               "). Start callcache with `callcache serve`; if it runs at another address, name that with " +
               name_another;
    auto said = own_error(answer.body);
    if (said && said->find("is none of Gong's paths") != std::string::npos)
        return at + " is where callcache answers tools. Name its address for the operator (server.admin) with " +
               name_another;
    if (said) return at + " " + std::string(did_not) + ": status " + std::to_string(answer.status) + ", " + *said;
    return "what answers at " + at + " is not callcache (" +
           (answer.status == 0 ? answer.trouble : "status " + std::to_string(answer.status)) +
           "). Name the address of callcache with " + name_another;
}

}  // namespace callcache
