namespace MeshProxy.Http.ConnectionManager;

/// <summary>How <see cref="RequestMutation.Apply"/> ended.</summary>
internal readonly struct MutationResult
{
    private MutationResult(int status, string details, string? location, in ClientAddress client, bool isInternal)
    {
        Status = status;
        Details = details;
        Location = location;
        Client = client;
        IsInternal = isInternal;
    }

    /// <summary>Whether the request goes on; else it is to be answered with <see cref="Status"/>.</summary>
    public bool IsOk => Status == 0;

    public int Status { get; }

    /// <summary>The response-code details of a refusal.</summary>
    public string Details { get; }

    /// <summary>The <c>location</c> of a redirect, else null.</summary>
    public string? Location { get; }

    /// <summary>The client's trusted address.</summary>
    public ClientAddress Client { get; }

    /// <summary>Whether the request comes from inside (<c>x-envoy-internal</c>).</summary>
    public bool IsInternal { get; }

    public static MutationResult Ok(in ClientAddress client, bool isInternal) => new(0, "", null, client, isInternal);

    public static MutationResult Refuse(int status, string details, string? location = null) => new(status, details, location, default, isInternal: false);
}
