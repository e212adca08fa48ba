using MeshProxy.Core.Config;

namespace MeshProxy.TestSupport;

/// <summary>A catalog of extensions that a test writes down.</summary>
public sealed class TestExtensionCatalog : IExtensionCatalog
{
    private readonly Dictionary<(ExtensionCategory, string), ExtensionDescription> _extensions = [];

    public TestExtensionCatalog Add(ExtensionCategory category, ExtensionDescription description)
    {
        _extensions.Add((category, description.Name), description);
        return this;
    }

    public ExtensionDescription? Find(ExtensionCategory category, string name) => _extensions.GetValueOrDefault((category, name));

    public IEnumerable<string> Names(ExtensionCategory category) => _extensions.Keys.Where(key => key.Item1 == category).Select(key => key.Item2);
}
