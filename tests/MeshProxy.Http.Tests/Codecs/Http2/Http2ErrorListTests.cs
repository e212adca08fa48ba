using System.Reflection;
using System.Text.RegularExpressions;

namespace MeshProxy.Http.Tests.Codecs.Http2;

/// <summary>docs/http2-errors.md, which says what test shows each error condition of the RFCs: the tests are there, and those that name a section stand in it.</summary>
public sealed partial class Http2ErrorListTests
{
    private const int Columns = 5;

    private static readonly HashSet<string> s_tests =
        [.. typeof(Http2ErrorListTests).Assembly.GetTypes().SelectMany(type => Tests(type).Select(test => $"{type.Name}.{test.Name}"))];

    [Fact]
    public void Row_OfTheList_NamesTestsThatExist()
    {
        var wrong = new List<string>();
        foreach (var row in Rows())
        {
            var cells = row.Trim().Trim('|').Split('|');
            var names = TestName().Matches(cells[^1]).Select(name => name.Groups[1].Value).ToArray();
            if (cells.Length != Columns || names.Length == 0 || cells.Any(cell => cell.Trim().Length == 0))
            {
                wrong.Add($"not a row of {Columns} cells with a test in the last one: {row}");
            }

            wrong.AddRange(names.Where(name => !s_tests.Contains(name)).Select(name => $"no test of this name: {name}"));
        }

        wrong.ShouldBeEmpty();
    }

    [Fact]
    public void Test_ThatIsNamedByASection_StandsInTheList()
    {
        var listed = Rows().SelectMany(row => TestName().Matches(row)).Select(name => name.Groups[1].Value).ToHashSet();
        s_tests.Where(name => SectionTest().IsMatch(name) && !listed.Contains(name)).ShouldBeEmpty("docs/http2-errors.md does not list these");
    }

    /// <summary>The rows of all tables, without their heads.</summary>
    private static IEnumerable<string> Rows()
    {
        var lines = File.ReadAllLines(Path.Combine(FindRoot(), "docs", "http2-errors.md"));
        var rows = lines.Where((line, i) => line.StartsWith('|') && !IsRule(line) && !(i + 1 < lines.Length && IsRule(lines[i + 1]))).ToList();
        rows.Count.ShouldBeGreaterThan(100);
        return rows;
    }

    private static bool IsRule(string line) => line.StartsWith("|---", StringComparison.Ordinal);

    private static IEnumerable<MethodInfo> Tests(Type type) => type.GetMethods().Where(method => method.GetCustomAttributes<FactAttribute>().Any());

    private static string FindRoot()
    {
        for (var folder = AppContext.BaseDirectory; folder is not null; folder = Path.GetDirectoryName(folder))
        {
            if (File.Exists(Path.Combine(folder, "MeshProxy.sln")))
            {
                return folder;
            }
        }

        throw new InvalidOperationException($"no MeshProxy.sln above {AppContext.BaseDirectory}");
    }

    [GeneratedRegex(@"`(\w+Tests\.\w+)`")]
    private static partial Regex TestName();

    [GeneratedRegex(@"^(Http2|Hpack)\w*Tests\.(Section\d|Rfc\d)")]
    private static partial Regex SectionTest();
}
