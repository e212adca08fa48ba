using MeshProxy.Core.Config;

namespace MeshProxy.Samples.CustomFilter;

/// <summary>Config of the acme.evangelist filter.</summary>
public sealed record EvangelistConfig
{
    /// <summary>Goes into the response header <c>x-evangelist</c>; 8 to 25 characters.</summary>
    public required string Message { get; init; }
}

/// <summary>Checks the config at start and at each update; an error is reported with the path of the field.</summary>
public sealed class EvangelistConfigValidator : IConfigValidator<EvangelistConfig>
{
    public void Validate(EvangelistConfig config, ConfigErrors errors)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(errors);
        errors.Require(config.Message.Length is >= 8 and <= 25, "message", $"must have 8 to 25 characters, has {config.Message.Length}");
        errors.Require(config.Message.All(c => c is >= ' ' and <= '~'), "message", "must be printable ASCII");
    }
}
