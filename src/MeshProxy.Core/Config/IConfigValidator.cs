namespace MeshProxy.Core.Config;

/// <summary>Checks a config record beyond what its types say.</summary>
public interface IConfigValidator<in TConfig>
{
    /// <summary>Adds every error of <paramref name="config"/>; <paramref name="errors"/> already has its path. Does not throw.</summary>
    void Validate(TConfig config, ConfigErrors errors);
}
